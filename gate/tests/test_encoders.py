"""What OBS, phones and other encoders send, made by a real ffmpeg, all at once: it plays within 10 s, and goes on."""

import contextlib
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from firmware.tests.media import Hook, Media
from tools.testing import wait_for

LIVE_S, LONG_S = 10.0, 12.0  # the second where key frames are far apart
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
FAR = "-sc_threshold 0 -bf 2"  # no key frame between those that `-g` tells of
# A change of scene, and a key frame with it, each second for 3 s: then none for 8 s.
CUTS = "-force_key_frames expr:lt(t,4)*gte(t,n_forced)"
SOUND = {"aac": "-c:a aac", "mp3": "-c:a libmp3lame -ar 44100", "none": "-an"}
PLAYS = {
    "a phone: AAC, B-frames, 2 s": f"{X264} -g 60 -bf 2 {SOUND['aac']}",
    "OBS as it comes: 250 pictures": f"{X264} -g 250 {FAR} {SOUND['aac']}",
    "far apart after changes of scene": f"{X264} -g 250 {FAR} {CUTS} {SOUND['none']}",
    "4:4:4, as x264 comes": f"-c:v libx264 -preset ultrafast -g 30 {SOUND['aac']}",
    "10 bit, MP3": f"-c:v libx264 -preset ultrafast -pix_fmt yuv420p10le -g 30 {SOUND['mp3']}",
}
REFUSED = {
    "4:4:4 of 1080 lines": "-s 1920x1080 -c:v libx264 -preset ultrafast -pix_fmt yuv444p -g 30 -an",
    "Sorenson": "-c:v flv -g 30 -an",
}


class ByDevice(Hook):
    """Says yes to all; a stream is called as its device."""

    def decide(self, body: str) -> tuple[int, str]:
        """(status, name)."""
        return 302, parse_qs(body)["name"][0]


@dataclass
class Encoder:
    """An ffmpeg that publishes."""

    hls: Path
    name: str
    process: subprocess.Popen[bytes]
    began: float
    live_at: float | None = None  # when the first segment was there

    @property
    def place(self) -> Path:
        """Where players are led."""
        return self.hls / str(uuid.UUID(self.name[:32])) / "current"

    def is_live(self) -> bool:
        """Whether there is something to play; remembers since when."""
        if self.live_at is None and (self.place / "index.m3u8").exists():
            self.live_at = time.time()
        return self.live_at is not None

    def newest(self) -> int:
        """The number of the playlist's last segment; 0 while there is none."""
        with contextlib.suppress(OSError):
            return int(re.findall(r"^(\d+)\.ts$", (self.place / "index.m3u8").read_text(), re.M)[-1])
        return 0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[tuple[Media, Hook]]:
    """As elsewhere, with a hook that names streams by their devices."""
    with contextlib.closing(ByDevice()) as hook:
        media = Media(tmp_path_factory.mktemp("media") / "media", authority, hook)
        with contextlib.ExitStack() as at_end:
            at_end.callback(media.stop)
            media.start()
            yield media, hook


@pytest.fixture(scope="module")
def encoders(running: tuple[Media, Hook]) -> Iterator[dict[str, Encoder]]:
    """Each of them, begun when the one before is let in: together they take as long as the slowest."""
    (media, hook), started = running, {}
    with contextlib.ExitStack() as at_end:
        for case, words in {**REFUSED, **PLAYS}.items():
            name = f"{uuid.uuid4().hex}-{uuid.uuid4().hex}"
            pictures, sound = "testsrc=size=320x240:rate=30", "sine=frequency=440"
            source = ["-re", "-f", "lavfi", "-i", pictures, "-re", "-f", "lavfi", "-i", sound]
            url = f"rtmps://localhost:{media.port}/collar/{name}?key=k"
            command = ["ffmpeg", "-nostdin", "-v", "error", *source, *words.split(), "-f", "flv", url]
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            at_end.callback(process.wait)
            at_end.callback(process.kill)
            started[case] = Encoder(media.hls, name, process, time.time())
            wait_for(lambda: [one for one in hook.calls("publish") if one["name"] == [name]])  # noqa: B023 - now
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not [case for case in PLAYS if not started[case].is_live()], LONG_S + 3)
        yield started


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_browser_plays_is_ended_with_a_reason_of_its_own(
    encoders: dict[str, Encoder], running: tuple[Media, Hook], case: str
) -> None:
    name = encoders[case].name
    told = wait_for(lambda: [one for one in running[1].calls("publish_done") if one["name"] == [name]], 10)
    assert told[0]["reason"] == ["unplayable"]
    assert not encoders[case].place.exists()


@pytest.mark.parametrize("case", PLAYS)
def test_an_encoder_as_it_is_becomes_live(encoders: dict[str, Encoder], case: str) -> None:
    live_at = encoders[case].live_at
    assert live_at
    assert live_at - encoders[case].began < (LONG_S if "250" in case else LIVE_S)


@pytest.mark.parametrize("case", PLAYS)
def test_it_goes_on_with_segments_of_a_picture_alone(encoders: dict[str, Encoder], case: str) -> None:
    encoder = encoders[case]
    first = wait_for(encoder.newest, LONG_S)
    newest = wait_for(lambda: encoder.newest() if encoder.newest() > first + 1 else 0, LONG_S)
    lengths = re.findall(r"^#EXTINF:([\d.]+)", (encoder.place / "index.m3u8").read_text(), re.M)
    assert float(lengths[-1]) < 3
    segment = str(encoder.place / f"{newest}.ts")
    show = ["-show_entries", "stream=codec_name,pix_fmt", "-of", "csv=p=0"]
    seen = subprocess.run(["ffprobe", "-v", "error", *show, segment], capture_output=True, text=True, check=True)
    assert set(seen.stdout.split()) == {"h264,yuv420p"}


@pytest.mark.parametrize("case", PLAYS)
def test_pictures_that_come_are_told_while_no_segment_ends(encoders: dict[str, Encoder], case: str) -> None:
    coming = encoders[case].place.parent / encoders[case].name[33:] / "coming"
    until = time.monotonic() + 1
    while time.monotonic() < until:
        assert time.time() - wait_for(coming.stat).st_mtime < 3
