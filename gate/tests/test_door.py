"""Who may speak to the media server behind the gate, over the public port: nobody before a key that is good."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.tests.media import Hook, Media
from gate import amf, chunks
from gate.tests.client import KEYED, Line, film, seen
from tools.testing import wait_for

Dial = Callable[[], Line]
# A time stamp, a length and a type that fit; AMF0's string `onMetaData`, then a number cut out of its middle.
METADATA = bytes.fromhex("02000a6f6e4d65746144617461007fe1ccf385ebc8a0")
# What is said first, before any `connect`.
FIRST = {
    "metadata": chunks.encode(chunks.DATA, METADATA, channel=6),
    "metadata as a command": chunks.encode(chunks.COMMAND, amf.encode("@setDataFrame") + METADATA, channel=6),
    "metadata after its name": chunks.encode(chunks.DATA, amf.encode("@setDataFrame") + METADATA, channel=6),
    "metadata of AMF3": chunks.encode(chunks.DATA3, b"\0" + METADATA, channel=6),
    "a command of AMF3": chunks.encode(chunks.COMMAND3, b"\0" + METADATA, channel=6),
    "video": chunks.encode(chunks.VIDEO, b"\x17\0\0\0\0", channel=6, stream=1),
    "sound": chunks.encode(chunks.AUDIO, b"\xaf\0\x12\x10", channel=6, stream=1),
    "an aggregate": chunks.encode(chunks.AGGREGATE, bytes(30), channel=6, stream=1),
    "a shared object": chunks.encode(chunks.SHARED, bytes(30), channel=6),
    "a type that is none": chunks.encode(99, bytes(30), channel=6),
    "publish": chunks.encode(chunks.COMMAND, amf.encode("publish", 1.0, None, KEYED, "live"), stream=1),
    "play": chunks.encode(chunks.COMMAND, amf.encode("play", 1.0, None, "x"), stream=1),
    "createStream": chunks.encode(chunks.COMMAND, amf.encode("createStream", 1.0, None)),
    "deleteStream": chunks.encode(chunks.COMMAND, amf.encode("deleteStream", 1.0, None, 1.0)),
    "a nameless command": chunks.encode(chunks.COMMAND, amf.encode(1.0, 1.0)),
    "an empty command": chunks.encode(chunks.COMMAND, b""),
    "no beginning": b"\xc6" + bytes(128),
    "a chunk size of 0": chunks.encode(chunks.SET_CHUNK_SIZE, bytes(4), channel=2),
    "a chunk size below 0": chunks.encode(chunks.SET_CHUNK_SIZE, b"\xff" * 4, channel=2),
    "16 MB": b"\x06" + bytes(3) + b"\xff\xff\xff\x14" + bytes(4),
}


def ended(hook: Hook) -> list[dict[str, list[str]]]:
    """What Hetri was told of this stream's end."""
    return [fields for fields in hook.calls("publish_done") if fields["name"] == [hook.name]]


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST.keys())
def test_what_comes_before_connect_ends_its_connection_and_nothing_else(
    dial: Dial, hook: Hook, media: Media, first: bytes
) -> None:
    line = dial().greet()
    line.socket.sendall(first)
    assert line.is_closed()
    assert hook.calls("publish") == []


def test_a_stream_plays_on_while_another_speaks_before_connect(
    dial: Dial, hook: Hook, media: Media, picture: bytes
) -> None:
    with film(dial().publish(), picture):
        for first in FIRST.values():
            dial().greet().socket.sendall(first)
        assert seen(media.rtmp, hook.name, 10) == [picture] * 10


@pytest.mark.parametrize("app", ["live", "collar2", "", "collar/x", "../collar", "COLLAR"])
def test_another_application_is_refused(dial: Dial, hook: Hook, app: str) -> None:
    assert dial().connect(app).is_closed()
    assert hook.calls("publish") == []


NAMES = ["device", "device?key", "device?key=a&key=b", "device?key=a&name=x", "device?key=a&app=x", "?", ""]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_without_one_key_is_refused_unasked(dial: Dial, hook: Hook, name: str) -> None:
    line = dial().connect()
    line.command("publish", 3.0, None, name, "live")
    assert line.is_closed()
    assert [fields for fields in hook.calls("publish") if fields.get("key", [""]) != [""]] == []


@pytest.mark.parametrize("answer", [200, 204, 301, 303, 307, 308, 400, 403, 404, 500, 503])
def test_whatever_is_no_consent_refuses(dial: Dial, hook: Hook, answer: int) -> None:
    hook.answer = answer
    line = dial().connect()
    line.command("publish", 3.0, None, KEYED, "live")
    assert line.is_closed()
    assert not any(b"NetStream.Publish.Start" in message.body for message in line.heard)


def test_consent_for_what_is_no_stream_refuses(dial: Dial, hook: Hook) -> None:
    hook.name = "https://elsewhere.example/x"
    line = dial().connect()
    line.command("publish", 3.0, None, KEYED, "live")
    assert line.is_closed()


def test_hetri_is_asked_with_the_key_once_and_told_of_the_end(dial: Dial, hook: Hook, picture: bytes) -> None:
    line = dial().publish("device?x=1&key=a%20key")
    line.show(picture)
    line.socket.close()
    gone = wait_for(lambda: ended(hook))
    assert hook.calls("publish") == [{"app": ["collar"], "name": ["device"], "key": ["a key"]}]
    assert gone == [{"app": ["collar"], "name": [hook.name]}]


@pytest.mark.parametrize("goodbye", ["FCUnpublish", "deleteStream", "closeStream"])
def test_a_publisher_may_say_goodbye(dial: Dial, hook: Hook, picture: bytes, goodbye: str) -> None:
    line = dial().publish()
    line.show(picture)
    line.command(goodbye, 5.0, None, "device")
    assert line.is_closed()
    assert wait_for(lambda: ended(hook))


@pytest.mark.parametrize("call", ["play", "connect", "publish"])
def test_a_publisher_does_nothing_else(dial: Dial, hook: Hook, media: Media, picture: bytes, call: str) -> None:
    """A second command is heard, and answered with nothing."""
    line = dial().publish()
    line.command(call, 6.0, None, "live")
    with film(line, picture):
        assert seen(media.rtmp, hook.name, 3) == [picture] * 3
    assert len(hook.calls("publish")) == 1


def test_a_publisher_that_is_dropped_inside_is_closed(dial: Dial, hook: Hook, media: Media, picture: bytes) -> None:
    line = dial().publish()
    line.show(picture)
    drop = f"http://127.0.0.1:{media.http}/control/drop/publisher?app=live&name={hook.name}"
    wait_for(lambda: subprocess.run(["curl", "-fs", drop], check=False).returncode == 0)
    assert line.is_closed()
    assert wait_for(lambda: ended(hook))


def test_nobody_publishes_past_the_gate(media: Media, hook: Hook) -> None:
    """From another machine of the network, that is; who is on this one may."""
    config = (media.folder / "rtmp" / "rtmp.conf").read_text()
    inside = config[config.index("application live") :]
    assert inside.index("allow publish 127.0.0.1;") < inside.index("deny publish all;")


# --- time and bytes -------------------------------------------------------------------------------------


SLOW: dict[str, Callable[[Line], object]] = {
    "says nothing": lambda line: None,
    "begins a handshake": lambda line: line.socket.sendall(b"\x03" + bytes(100)),
    "greets": lambda line: line.greet(),
    "connects": lambda line: line.connect(),
    "publishes": lambda line: line.publish(),
    "begins a picture": lambda line: line.publish().socket.sendall(b"\x06" + bytes(4) + b"\x01\0\x09\1\0\0\0\x11"),
    "sends what is no picture": lambda line: line.publish().say(chunks.DATA, METADATA, channel=6),
}


def test_who_does_not_go_on_is_closed_within_ten_seconds(dial: Dial, hook: Hook) -> None:
    """All at once: it is the same waiting."""
    lines = {what: dial() for what in SLOW}
    for what, line in lines.items():
        hook.begin_anew()
        SLOW[what](line)
    begun = time.monotonic()
    assert {what: line.is_closed(20) for what, line in lines.items()} == dict.fromkeys(SLOW, True)
    assert time.monotonic() - begun < 12


def test_who_trickles_is_closed_as_well(dial: Dial) -> None:
    line = dial()
    begun = time.monotonic()
    with pytest.raises(OSError):  # noqa: PT011 - reset or broken pipe
        while True:
            line.socket.sendall(b"\x03")
            line.socket.settimeout(0.3)
            try:
                assert line.socket.recv(1) != b"", "closed"
            except TimeoutError:
                continue
            except AssertionError as error:
                raise OSError from error
    assert time.monotonic() - begun < 10


FLOODS = {
    "messages to no end": chunks.encode(chunks.ACKNOWLEDGE, bytes(4), channel=2) * 2_000,
    "commands to no end": chunks.encode(chunks.COMMAND, amf.encode("releaseStream", 2.0, None)) * 400,
    "one message to no end": chunks.encode(chunks.COMMAND, bytes(60_000)),
    "pings to no end": chunks.encode(chunks.USER_CONTROL, b"\0\6" + bytes(4), channel=2) * 2_000,
    "chunk streams to no end": b"".join(
        chunks.encode(chunks.COMMAND, bytes(200), channel=n)[:140] for n in range(3, 63)
    ),
    "objects in objects": chunks.encode(chunks.COMMAND, amf.encode("releaseStream", 2.0) + b"\x03\0\1a" * 200),
    "an array of many": chunks.encode(chunks.COMMAND, amf.encode("x", 2.0) + b"\x0a\xff\xff\xff\xff" + b"\x05" * 100),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
def test_who_says_too_much_before_publish_is_closed(dial: Dial, hook: Hook, flood: bytes) -> None:
    line = dial().connect()
    try:
        line.socket.sendall(flood)
        assert line.is_closed(6)
    except OSError:
        pass  # closed while it still spoke
    assert hook.calls("publish") == []


def test_one_address_has_so_many_connections_and_no_more(dial: Dial) -> None:
    held = [dial() for _ in range(32)]
    with pytest.raises(OSError):  # noqa: PT011 - reset, or the end of the line in the midst of TLS
        dial()
    held[0].socket.close()
    wait_for(lambda: _opens(dial))


def _opens(dial: Dial) -> bool:
    try:
        return dial() is not None
    except OSError:
        return False


# --- other people's publishers --------------------------------------------------------------------------


def test_ffmpeg_publishes_and_neither_sound_nor_metadata_pass(media: Media, hook: Hook, tmp_path: Path) -> None:
    source = ["-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10", "-f", "lavfi", "-i", "sine"]
    codec = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "10",
        "-c:a",
        "aac",
        "-metadata",
        "title=of-the-publisher",
    ]
    url = f"rtmps://localhost:{media.port}/collar/device?key=k"
    command = ["ffmpeg", "-nostdin", "-v", "error", *source, *codec, "-t", "30", "-f", "flv", url]
    with subprocess.Popen(command) as encoder:
        wait_for(lambda: hook.calls("publish"))
        flv = tmp_path / "inside.flv"
        inside = f"rtmp://127.0.0.1:{media.rtmp}/live/{hook.name}"
        read = [
            "ffmpeg",
            "-nostdin",
            "-v",
            "error",
            "-rw_timeout",
            "9000000",
            "-i",
            inside,
            "-map",
            "0",
            "-c",
            "copy",
            "-t",
            "2",
        ]
        subprocess.run([*read, str(flv)], check=True, timeout=60)
        encoder.terminate()
    probe = [
        "ffprobe",
        "-v",
        "error",
        "-show_entries",
        "stream=codec_type,codec_name:format_tags",
        "-of",
        "csv",
        str(flv),
    ]
    found = subprocess.run(probe, capture_output=True, text=True, check=True).stdout
    assert found.splitlines()[0] == "stream,h264,video"
    assert "audio" not in found
    assert "of-the-publisher" not in found
