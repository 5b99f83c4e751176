"""The forms in which pictures may come, through the whole chain: what goes in comes out, and nothing else."""

from collections.abc import Callable

import pytest

from firmware.tests.media import Hook, Media
from gate import chunks
from gate.tests.client import Line, film, going_on, jpeg, seen

Dial = Callable[[], Line]
Say = Callable[[Line, bytes, int], None]


def three(number: int) -> bytes:
    return number.to_bytes(3, "big")


def _sized(size: int) -> Say:
    def say(line: Line, picture: bytes, number: int) -> None:
        before = size if number else 128
        resize = chunks.encode(chunks.SET_CHUNK_SIZE, size.to_bytes(4, "big"), channel=2, size=before)
        body = b"\x11" + picture
        line.socket.sendall(resize + chunks.encode(9, body, channel=6, at=number * 100, stream=1, size=size))

    return say


def _late(line: Line, picture: bytes, number: int) -> None:
    line.show(picture, at=0x01000000 + number * 100)


def _rolling_over(line: Line, picture: bytes, number: int) -> None:
    line.show(picture, at=((1 << 32) - 500 + number * 100) % (1 << 32))


def _leaping(line: Line, picture: bytes, number: int) -> None:
    line.show(picture, at=[0, 4_000_000_000, 7, 1 << 31, 100][number % 5])


def _far(channel: bytes) -> Say:
    def say(line: Line, picture: bytes, number: int) -> None:
        body = b"\x11" + picture
        resize = chunks.encode(chunks.SET_CHUNK_SIZE, (1 << 20).to_bytes(4, "big"), channel=2)
        line.socket.sendall(resize + channel + three(number * 100) + three(len(body)) + b"\x09" + b"\1\0\0\0" + body)

    return say


def _short(line: Line, picture: bytes, number: int) -> None:
    """The first with a full header, later ones with the time alone, then with nothing."""
    body = b"\x11" + picture
    resize = chunks.encode(chunks.SET_CHUNK_SIZE, (1 << 20).to_bytes(4, "big"), channel=2)
    full = b"\x06" + three(0) + three(len(body)) + b"\x09" + b"\1\0\0\0"
    head = [full, b"\x46" + three(100) + three(len(body)) + b"\x09", b"\x86" + three(100), b"\xc6"][min(number, 3)]
    line.socket.sendall(resize + head + body)


def _with_sound_between(line: Line, picture: bytes, number: int) -> None:
    video = chunks.encode(9, b"\x11" + picture, channel=6, at=number * 100, stream=1)
    sound = chunks.encode(chunks.AUDIO, b"\xaf\1" + bytes(50), channel=5, at=number * 100, stream=1)
    data = chunks.encode(chunks.DATA, b"\2\0\x0aonMetaData\7\xff\xff", channel=7, stream=1)
    line.socket.sendall(video[:140] + sound + video[140:269] + data + video[269:])


def _aborted_before(line: Line, picture: bytes, number: int) -> None:
    begun = chunks.encode(9, b"\x11" + picture, channel=6, stream=1)[:269]
    line.socket.sendall(begun + chunks.encode(chunks.ABORT, (6).to_bytes(4, "big"), channel=2))
    line.show(picture, at=number * 100)


def _aggregate(line: Line, picture: bytes, number: int) -> None:
    body = b"\x11" + picture
    back = (11 + len(body)).to_bytes(4, "big")
    one = b"\x09" + three(len(body)) + three(number * 100) + bytes(4) + body + back
    two = b"\x12" + three(3) + three(0) + bytes(4) + b"\2\0\7" + bytes(4)
    line.say(chunks.AGGREGATE, one + two, channel=6, at=number * 100, stream=1)


FORMS: dict[str, Say] = {
    "as always": lambda line, picture, number: line.show(picture, at=number * 100),
    "chunks of 1 byte": _sized(1),
    "chunks of 129 bytes": _sized(129),
    "chunks of 2 GB": _sized(0x7FFFFFFF),
    "extended times": _late,
    "times that roll over": _rolling_over,
    "times that leap": _leaping,
    "a chunk stream of two bytes": _far(b"\x00\x40"),
    "a chunk stream of three bytes": _far(b"\x01\x40\x40"),
    "short headers": _short,
    "sound between its chunks": _with_sound_between,
    "an abort before": _aborted_before,
    "an aggregate": _aggregate,
}


@pytest.mark.parametrize("say", FORMS.values(), ids=FORMS.keys())
def test_a_picture_comes_out_as_it_went_in(dial: Dial, hook: Hook, media: Media, picture: bytes, say: Say) -> None:
    line = dial().publish()
    with going_on(lambda number: say(line, picture, number)):
        assert seen(media.rtmp, hook.name, 6) == [picture] * 6


@pytest.mark.parametrize("window", [1, 8_192, 2_500_000])
def test_a_publisher_hears_how_much_has_arrived(dial: Dial, hook: Hook, picture: bytes, window: int) -> None:
    line = dial().publish()
    line.say(chunks.WINDOW_SIZE, window.to_bytes(4, "big"), channel=2)
    with film(line, jpeg(640, 480, 2), rate=30):
        told = line.until(lambda message: message.kind == chunks.ACKNOWLEDGE)
    assert int.from_bytes(told.body, "big") >= window


def test_a_ping_is_answered(dial: Dial) -> None:
    line = dial().connect()
    line.say(chunks.USER_CONTROL, b"\0\6\1\2\3\4", channel=2)
    assert line.until(lambda message: message.kind == chunks.USER_CONTROL).body == b"\0\7\1\2\3\4"
