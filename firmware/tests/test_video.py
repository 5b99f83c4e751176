"""The collar's camera against the real media server, with a real mosquitto to command it."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.tests.broker import Server, wait_until
from firmware.tests.collar import Collar
from firmware.tests.media import Hook, Media, make_film, pixels, play, start_command, streams


@pytest.fixture
def hook() -> Iterator[Hook]:
    with contextlib.closing(Hook()) as hook:
        yield hook


@pytest.fixture
def media(tmp_path: Path, authority: Path, hook: Hook) -> Iterator[Media]:
    media = Media(tmp_path / "media", authority, hook)
    with contextlib.ExitStack() as at_end:
        at_end.callback(media.stop)
        media.start()
        yield media


@pytest.fixture
def streaming(server: Server, collar: Collar, media: Media) -> dict[str, Any]:
    """A collar that streams; the command that made it."""
    collar.start()
    wait_until(server.presences)
    told = start_command(media, collar)
    server.command("stream", told)
    wait_until(lambda: streams(server), "streaming")
    return told


def test_its_pictures_arrive_fresh_and_at_the_rate_that_was_asked_for(
    streaming: dict[str, Any], media: Media, hook: Hook
) -> None:
    seen = play(media, hook.name, 2)
    moments = [moment for _, moment in seen if moment]
    assert len(moments) == len(seen) >= 15
    assert moments == sorted(moments)
    # ffmpeg itself holds each picture until the next one comes.
    late = sorted(arrived - moment for arrived, moment in seen if moment)
    assert late[len(late) // 2] < 500


def test_the_key_is_asked_for_once_and_never_in_its_log(streaming: dict[str, Any], hook: Hook, collar: Collar) -> None:
    assert [fields["key"] for fields in hook.calls("publish")] == [["k" * 32]]
    assert "k" * 32 not in collar.console()


def test_stop_ends_the_stream(streaming: dict[str, Any], server: Server, hook: Hook) -> None:
    server.command("stream", {"v": 1, "id": streaming["id"], "action": "stop"})
    wait_until(lambda: not streams(server), "no longer streaming")
    assert wait_until(lambda: hook.calls("publish_done"), "publish_done")


def test_it_stops_by_itself_when_the_lease_runs_out(server: Server, collar: Collar, media: Media) -> None:
    collar.start()
    wait_until(server.presences)
    server.command("stream", start_command(media, collar, lease_s=3))
    wait_until(lambda: streams(server), "streaming")
    assert wait_until(lambda: not streams(server), "no longer streaming", seconds=8)


def test_the_same_command_again_prolongs_the_lease(server: Server, collar: Collar, media: Media, hook: Hook) -> None:
    collar.start()
    wait_until(server.presences)
    told = start_command(media, collar, lease_s=2)
    server.command("stream", told)
    wait_until(lambda: streams(server), "streaming")
    begun = time.monotonic()
    server.command("stream", told | {"lease_s": 5})
    wait_until(lambda: not streams(server), "no longer streaming")
    assert time.monotonic() - begun > 4
    assert len(hook.calls("publish")) == 1


@pytest.mark.parametrize("answer", [403, 301, 307, 500])
def test_a_refused_publisher_says_failed(server: Server, collar: Collar, media: Media, hook: Hook, answer: int) -> None:
    hook.answer = answer
    collar.start()
    wait_until(server.presences)
    told = start_command(media, collar)
    server.command("stream", told)
    wait_until(lambda: server.results(told["id"]) == ["failed"], "failed")
    assert not streams(server)


def test_a_camera_that_is_off_is_not_started(server: Server, collar: Collar, media: Media, hook: Hook) -> None:
    collar.start()
    wait_until(server.presences)
    server.command("config", {"v": 1, "version": 3, "camera": "off"}, retain=True)
    wait_until(lambda: server.presences()[-1]["config_version"] == 3, "config")
    told = start_command(media, collar)
    server.command("stream", told)
    wait_until(lambda: server.results(told["id"]) == ["failed"], "failed")
    assert hook.asked == []


def test_turning_the_camera_off_ends_the_stream(streaming: dict[str, Any], server: Server, hook: Hook) -> None:
    server.command("config", {"v": 1, "version": 4, "camera": "off"}, retain=True)
    wait_until(lambda: not streams(server), "no longer streaming")
    assert wait_until(lambda: hook.calls("publish_done"), "publish_done")


def test_a_media_server_that_dies_ends_the_stream_and_nothing_else(
    streaming: dict[str, Any], server: Server, media: Media
) -> None:
    media.kill()
    assert wait_until(lambda: server.results(streaming["id"]) == ["failed"], "failed")
    treat = server.treat()
    assert wait_until(lambda: "dispensed" in server.results(treat), "dispensed")


def test_treats_and_telemetry_go_on_while_it_streams(streaming: dict[str, Any], server: Server) -> None:
    treat = server.treat()
    wait_until(lambda: "dispensed" in server.results(treat), "dispensed")
    before = len(server.batches())
    wait_until(lambda: len(server.batches()) > before, "telemetry")
    assert streams(server)


def test_its_stream_becomes_hls_and_nothing_is_left_of_it(
    streaming: dict[str, Any], server: Server, media: Media, hook: Hook
) -> None:
    stream = str(uuid.UUID(hook.name.split("-")[0]))
    playlist = media.hls / stream / "current" / "index.m3u8"
    wait_until(playlist.exists, "playlist")
    probe = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "json", str(playlist)]
    found = json.loads(subprocess.run(probe, capture_output=True, check=True).stdout)["streams"]
    assert found == [{"codec_name": "h264", "width": 640, "height": 480}]
    server.command("stream", {"v": 1, "id": streaming["id"], "action": "stop"})
    wait_until(lambda: not (media.hls / stream).exists(), "an empty folder")


def test_a_picture_full_of_detail_is_as_clear_in_hls_after_seconds(
    server: Server, collar: Collar, media: Media, hook: Hook, tmp_path: Path
) -> None:
    film = make_film(tmp_path / "film", 20)
    collar.options(film=str(film))
    collar.start()
    wait_until(server.presences)
    server.command("stream", start_command(media, collar))
    stream = media.hls / str(uuid.UUID(hook.name.split("-")[0]))
    segments = wait_until(lambda: len(found := sorted(stream.glob("current/*.ts"))) > 4 and found, "5 s of video")
    shown = pixels("-i", str(segments[-1]), "-frames:v", "1")
    sent = [pixels("-i", str(picture)) for picture in film.iterdir()]
    assert min(sum(abs(a - b) for a, b in zip(shown, one, strict=True)) for one in sent) / len(shown) < 8


def test_an_encoder_that_sends_h264_is_copied_to_hls(media: Media, hook: Hook) -> None:
    stream = str(uuid.UUID(hook.name.split("-")[0]))
    playlist = media.hls / stream / "current" / "index.m3u8"
    source = ["ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10", "-t", "20"]
    source += ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-f", "flv"]
    with subprocess.Popen([*source, f"rtmps://localhost:{media.port}/collar/x?key=y"]) as encoder:
        wait_until(playlist.exists, "playlist", seconds=5)
        probe = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width", "-of", "csv=p=0", str(playlist)]
        found = subprocess.run(probe, capture_output=True, text=True, check=True).stdout
        encoder.terminate()
    assert set(found.split()) == {"h264,320"}


def test_a_transcoder_that_is_killed_is_replaced_and_leaves_nothing(
    streaming: dict[str, Any], server: Server, media: Media, hook: Hook
) -> None:
    stream = media.hls / str(uuid.UUID(hook.name.split("-")[0]))
    playlist = stream / "current" / "index.m3u8"
    wait_until(playlist.exists, "playlist")
    first = media.pids("transcode.py")
    for pid in (*first, *media.pids("ffmpeg")):
        os.kill(pid, signal.SIGKILL)
    left = {path.name for path in (stream / "current").glob("*.ts")}
    wait_until(lambda: set(media.pids("transcode.py")) - set(first), "another transcoder")
    wait_until(lambda: playlist.exists() and not left & set(playlist.read_text().split()), "another playlist")
    server.command("stream", {"v": 1, "id": streaming["id"], "action": "stop"})
    assert wait_until(lambda: not stream.exists() and not media.pids("ffmpeg"), "an empty folder")


def test_nothing_runs_on_when_the_media_server_is_killed(streaming: dict[str, Any], media: Media) -> None:
    wait_until(lambda: media.pids("ffmpeg"), "ffmpeg")
    media.kill()
    assert wait_until(lambda: not media.pids("ffmpeg") and not media.pids("transcode.py"), "no process")


def test_who_never_publishes_is_closed_within_ten_seconds(media: Media, authority: Path) -> None:
    context = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    with (
        socket.create_connection(("localhost", media.port), timeout=14) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as line,
    ):
        line.sendall(b"\x03" + bytes(1536))
        begun = time.monotonic()
        while line.recv(4096):
            pass
        assert time.monotonic() - begun < 10


def test_garbage_is_refused(media: Media, authority: Path) -> None:
    context = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    with (
        socket.create_connection(("localhost", media.port), timeout=14) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as line,
        contextlib.suppress(OSError),
    ):
        line.sendall(os.urandom(1_000_000))
        while line.recv(4096):
            pass
    assert media.process
    assert media.process.poll() is None


def test_playing_from_outside_is_refused(streaming: dict[str, Any], media: Media, hook: Hook) -> None:
    url = f"rtmps://localhost:{media.port}/collar/{hook.name}"
    player = ["ffprobe", "-v", "error", "-rw_timeout", "4000000", url]
    assert subprocess.run(player, capture_output=True, check=False, timeout=20).returncode != 0


def test_it_streams_in_a_heap_of_two_megabytes(server: Server, collar: Collar, media: Media, hook: Hook) -> None:
    collar.start(heap="2M")
    wait_until(server.presences)
    server.command("stream", start_command(media, collar))
    wait_until(lambda: streams(server), "streaming")
    assert len(play(media, hook.name, 3)) >= 20
    assert streams(server)


def test_a_stream_for_which_its_memory_is_too_small_fails_and_says_why(
    server: Server, collar: Collar, media: Media
) -> None:
    collar.start(heap="336K")
    wait_until(server.presences)
    told = start_command(media, collar)
    server.command("stream", told)
    wait_until(lambda: server.results(told["id"]) == ["failed"], "failed")
    assert "MemoryError" in collar.console()
    treat = server.treat()
    assert wait_until(lambda: "dispensed" in server.results(treat), "dispensed")
