"""Pictures that would cost others: what the gate makes of them, and the transcoder if one came past it."""

import asyncio
import itertools
import struct
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from firmware.tests.media import Hook, Media
from gate import chunks, limits
from gate.inside import Inside
from gate.pictures import BadPicture, Examiner, Picture, Unplayable, jpeg_pixels
from gate.sps import BadSps, Shape, shape_of
from gate.tests.client import Line, announcing, film, going_on, jpeg, rss_mb, seen
from nginx import transcode
from tools.testing import wait_for

Dial = Callable[[], Line]


def progressive(picture: bytes) -> bytes:
    return announcing(picture, 64, 48, 0xC2)


def many_scans(picture: bytes) -> bytes:
    at = picture.index(b"\xff\xda")
    return picture[:-2] + picture[at:-2] * 50 + picture[-2:]


def hidden(picture: bytes) -> bytes:
    """A second, large picture behind the first."""
    return picture + announcing(picture, 12_900, 12_900)


def framed_twice(picture: bytes) -> bytes:
    at = picture.index(b"\xff\xc0")
    return picture[: at + 19] + announcing(picture, 12_900, 12_900)[at : at + 19] + picture[at + 19 :]


BAD: dict[str, Callable[[bytes], bytes]] = {
    "12,900 x 12,900": lambda picture: announcing(picture, 12_900, 12_900),
    "65,535 x 65,535": lambda picture: announcing(picture, 65_535, 65_535),
    "one line too many": lambda picture: announcing(picture, 1920, 1089),
    "no width": lambda picture: announcing(picture, 0, 48),
    "no height": lambda picture: announcing(picture, 64, 0),
    "progressive": progressive,
    "lossless": lambda picture: announcing(picture, 64, 48, 0xC3),
    "arithmetic": lambda picture: announcing(picture, 64, 48, 0xC9),
    "many scans": many_scans,
    "a second picture behind": hidden,
    "two frames": framed_twice,
    "no frame": lambda picture: picture[: picture.index(b"\xff\xc0")] + picture[picture.index(b"\xff\xda") :],
    "cut in its header": lambda picture: picture[:100],
    "no JPEG": lambda picture: b"GIF89a" + picture,
    "empty": lambda picture: b"",
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD.keys())
def test_a_picture_that_others_would_pay_for_is_left_out(
    dial: Dial, hook: Hook, media: Media, picture: bytes, spoil: Callable[[bytes], bytes]
) -> None:
    line, bad = dial().publish(), spoil(picture)
    with going_on(lambda number: line.show(picture if number % 2 else bad, at=number * 50), rate=20):
        assert seen(media.rtmp, hook.name, 6) == [picture] * 6


def test_a_publisher_of_nothing_else_is_ended_with_the_reason(dial: Dial, hook: Hook, picture: bytes) -> None:
    line = dial().publish()
    with film(line, announcing(picture, 12_900, 12_900)):
        assert line.is_closed(20)
    told = wait_for(lambda: [one for one in hook.calls("publish_done") if one["name"] == [hook.name]])
    assert told[0]["reason"] == ["bad_picture"]


H264 = {
    "before its configuration": [b"\x17\1\0\0\0" + b"\0\0\0\1\x65"],
    "a configuration that is none": [b"\x17\0\0\0\0" + bytes(8)],
    "a configuration of nothing": [b"\x17\0\0\0\0"],
}
# Codec ids of FLV, and Enhanced RTMP's packet types: a start, and pictures whose lower half looks like JPEG and H.264.
UNPLAYABLE = {
    "Sorenson": b"\x12" + bytes(50),
    "HEVC as codec 12": b"\x1c\0\0\0\0\1\1\x60" + bytes(50),
    "HEVC, enhanced: its start": b"\x90hvc1\1\1\x60" + bytes(50),
    "HEVC, enhanced: a picture": b"\x91hvc1\0\0\0" + bytes(50),
    "AV1, enhanced": b"\x90av01" + bytes(50),
    "VP9, enhanced, between key frames": b"\xa7vp09" + bytes(50),
}


@pytest.mark.parametrize("messages", H264.values(), ids=H264.keys())
def test_h264_that_nothing_can_follow_ends_its_stream(dial: Dial, hook: Hook, messages: list[bytes]) -> None:
    line = dial().publish()
    for body in messages:
        line.say(chunks.VIDEO, body, channel=6, stream=1)
    assert line.is_closed(4)
    told = wait_for(lambda: [one for one in hook.calls("publish_done") if one["name"] == [hook.name]])
    assert told[0]["reason"] == ["bad_picture"]


@pytest.mark.parametrize("body", UNPLAYABLE.values(), ids=UNPLAYABLE.keys())
def test_a_codec_that_browsers_do_not_play_has_a_reason_of_its_own(dial: Dial, hook: Hook, body: bytes) -> None:
    line = dial().publish()
    line.say(chunks.VIDEO, body, channel=6, stream=1)
    assert line.is_closed(4)
    told = wait_for(lambda: [one for one in hook.calls("publish_done") if one["name"] == [hook.name]])
    assert told[0]["reason"] == ["unplayable"]


def test_a_flood_of_tiny_pictures_becomes_thirty_a_second(dial: Dial, hook: Hook, media: Media, picture: bytes) -> None:
    line, tiny = dial().publish(), jpeg(16, 16)
    over = Event()

    def flood() -> None:
        for number in itertools.count():
            line.show(tiny, at=number)
            if over.is_set():
                return

    thread = Thread(target=flood)
    thread.start()
    try:
        seen(media.rtmp, hook.name, 2 * limits.JPEG_A_SECOND)  # what a second holds at once, and one more
        begun = time.monotonic()
        seen(media.rtmp, hook.name, limits.JPEG_A_SECOND)
        assert time.monotonic() - begun > 0.8
    finally:
        over.set()
        thread.join()


def test_large_pictures_are_fewer(dial: Dial, hook: Hook, media: Media) -> None:
    """As many pixels a second as collars send at their best, and a little: 4.8 pictures of 1920 x 1088."""
    line, large = dial().publish(), jpeg(1920, 1088, 31)
    with film(line, large, rate=15):
        seen(media.rtmp, hook.name, 5)
        begun = time.monotonic()
        assert seen(media.rtmp, hook.name, 8) == [large] * 8
        assert time.monotonic() - begun > 1.2


def test_ffmpeg_stays_small_when_a_picture_came_past_the_gate(
    dial: Dial, hook: Hook, media: Media, picture: bytes
) -> None:
    """And the stream beside it plays on."""
    past = f"{uuid.uuid4().hex}-{uuid.uuid4().hex}"
    with film(dial().publish(), picture), going_past(media.rtmp, past, announcing(picture, 12_900, 12_900)):
        folder = str(uuid.UUID(past.split("-", maxsplit=1)[0]))
        most, until = 0.0, time.monotonic() + 8
        while time.monotonic() < until:
            pids = [pid for pid in media.pids("ffmpeg") if folder in Path(f"/proc/{pid}/cmdline").read_text()]
            most = max([most, *(rss_mb(pid) for pid in pids)])
        assert 10 < most < 100
        assert seen(media.rtmp, hook.name, 10) == [picture] * 10


def going_past(port: int, name: str, picture: bytes) -> "GoingPast":
    return GoingPast(port, name, picture)


class GoingPast(Thread):
    """Shows a picture that nobody has looked at, five times a second."""

    def __init__(self, port: int, name: str, picture: bytes) -> None:
        super().__init__()
        self._port, self._name, self._picture, self._over = port, name, picture, Event()

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        asyncio.run(self._show())

    async def _show(self) -> None:
        inside = await Inside.open(self._port, self._name)
        for number in itertools.count():
            await inside.send(b"\x11" + self._picture, number * 200)
            if await asyncio.to_thread(self._over.wait, 0.2):
                return inside.close()


def test_the_transcoder_knows_the_same_bound_as_the_gate() -> None:
    assert transcode.LARGEST_PIXELS == limits.LARGEST_PIXELS


# --- the examiner alone ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(16, 16), (64, 48), (320, 240), (640, 480), (1280, 720), (1920, 1080)])
@pytest.mark.parametrize("codec", ["mjpeg", "baseline", "high"])
def test_the_size_is_what_ffmpeg_says_it_is(width: int, height: int, codec: str) -> None:
    """ffmpeg's encoders are the mirror: its own JPEG, and libx264's parameter sets."""
    if codec == "mjpeg":
        assert jpeg_pixels(jpeg(width, height), 0) == width * height
        return
    wide, high = -(-width // 16) * 16, -(-height // 16) * 16
    examiner = Examiner()
    found = [examiner.examine(body) for body in x264(f"{width}x{height}", "yuv420p", codec)]
    assert found[:2] == [Picture(7, wide * high, shown=False), Picture(7, wide * high)]


@pytest.mark.parametrize("kind", ["yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le", "gray10le"])
def test_more_colour_or_depth_than_browsers_show_passes_only_where_it_is_small(kind: str) -> None:
    """It has to be made anew."""
    assert Examiner().examine(x264("1280x720", kind)[0]) == Picture(7, 1280 * 720, shown=False)
    with pytest.raises(Unplayable):
        Examiner().examine(x264("1280x736", kind)[0])


def test_grey_pictures_pass() -> None:
    assert Examiner().examine(x264("64x48", "gray")[0]) == Picture(7, 64 * 48, shown=False)


def x264(size: str, kind: str, profile: str = "") -> list[bytes]:
    """The video messages that libx264 makes of one picture."""
    options = ["-pix_fmt", kind, *(("-profile:v", profile) if profile else ())]
    make = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc=size={size}", "-frames:v", "1"]
    made = subprocess.run([*make, "-c:v", "libx264", *options, "-f", "flv", "-"], capture_output=True, check=True)
    flv, at, found = made.stdout, 13, []
    while at < len(flv):
        kind_of, size_of = flv[at], int.from_bytes(flv[at + 1 : at + 4], "big")
        if kind_of == chunks.VIDEO:
            found.append(flv[at + 11 : at + 11 + size_of])
        at += 15 + size_of
    return found


def test_an_sps_of_too_many_pixels_is_refused() -> None:
    # Baseline, level 1, log2_max_frame_num 4, order 2: then 512 x 512 macroblocks.
    bits = "01000010" + "0" * 8 + "00001010" + "1" + "1" + "011" + "1" + "0" + ue(511) + ue(511) + "1" + "1"
    raw = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    assert shape_of(b"\x67" + raw) == Shape(512 * 512 * 256, chroma=1, depth=8)
    record = b"\1" + raw[:3] + b"\xff\xe1" + struct.pack(">H", len(raw) + 1) + b"\x67" + raw + b"\1\0\1\x68"
    with pytest.raises(BadPicture):
        Examiner().examine(b"\x17\0\0\0\0" + record)


def ue(number: int) -> str:
    text = f"{number + 1:b}"
    return "0" * (len(text) - 1) + text


def test_no_sps_makes_it_fail_otherwise() -> None:
    for filler in (b"\0", b"\xff", b"\x55", b"\0\0\3"):
        for length in range(0, 2_000, 13):
            try:
                shape_of(b"\x67" + filler * length)
            except BadSps:
                continue
