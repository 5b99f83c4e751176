"""RTMP's chunk stream, by the specification's own examples and by what encoders may do with it."""

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import amf, chunks, limits
from gate.chunks import Dechunker, Malformed, Message

EXTENDED = b"\xff\xff\xff"


def header(form: int, channel: bytes, *fields: bytes) -> bytes:
    """A basic header whose form is added, and the rest."""
    return bytes((form << 6 | channel[0],)) + channel[1:] + b"".join(fields)


def three(number: int) -> bytes:
    return number.to_bytes(3, "big")


def fed(data: bytes, piece: int = 1) -> list[Message]:
    """What comes out when it comes in pieces."""
    dechunker = Dechunker()
    return [one for at in range(0, len(data), piece) for one in dechunker.feed(data[at : at + piece])]


def test_sound_as_in_the_first_example_of_the_specification() -> None:
    """5.3.2.1: four messages of 32 bytes on chunk stream 3, 20 ms apart, with headers of 12, 8, 1 and 1 bytes."""
    body = bytes(range(32))
    line = header(0, b"\x03", three(1000), three(32), b"\x08", (12345).to_bytes(4, "little")) + body
    line += header(2, b"\x03", three(20)) + body
    line += (header(3, b"\x03") + body) * 2
    assert fed(line) == [Message(8, at, 12345, body) for at in (1000, 1020, 1040, 1060)]


def test_a_long_message_as_in_the_second_example_of_the_specification() -> None:
    """5.3.2.2: 307 bytes of video on chunk stream 4, in chunks of 128, 128 and 51 bytes."""
    body = random.Random(1).randbytes(307)
    line = header(0, b"\x04", three(1000), three(307), b"\x09", (12346).to_bytes(4, "little")) + body[:128]
    line += b"\xc4" + body[128:256] + b"\xc4" + body[256:]
    assert len(line) == 140 + 129 + 52
    assert fed(line) == [Message(9, 1000, 12346, body)]


CHANNELS = {2: b"\x02", 63: b"\x3f", 64: b"\x00\x00", 319: b"\x00\xff", 320: b"\x01\x00\x01", 65599: b"\x01\xff\xff"}


@pytest.mark.parametrize("channel", CHANNELS.values(), ids=CHANNELS.keys())
def test_all_three_forms_of_a_basic_header(channel: bytes) -> None:
    body = bytes(200)
    line = header(0, channel, three(7), three(200), b"\x09", bytes(4)) + body[:128] + header(3, channel) + body[128:]
    assert fed(line) == [Message(9, 7, 0, body)]


def test_extended_time_stamps_stand_in_every_chunk() -> None:
    at = 0x01020304
    late, body = at.to_bytes(4, "big"), bytes(range(200))
    line = header(0, b"\x04", EXTENDED, three(200), b"\x09", bytes(4), late) + body[:128]
    line += b"\xc4" + late + body[128:]
    line += header(1, b"\x04", three(40), three(1), b"\x09") + b"x"
    line += header(2, b"\x04", EXTENDED, (0xFFFFFFF0).to_bytes(4, "big")) + b"y"
    assert [message.at for message in fed(line)] == [at, at + 40, at + 40 - 16]


def test_librtmp_begins_with_the_second_form() -> None:
    assert fed(header(1, b"\x02", three(9), three(4), b"\x03") + b"1234") == [Message(3, 9, 0, b"1234")]


def test_chunk_streams_take_turns() -> None:
    one, two = bytes(300), b"\1" * 300
    first = chunks.encode(9, one, channel=4)
    second = chunks.encode(8, two, channel=5)
    cuts = ((0, 140), (140, 269), (269, 400))
    line = b"".join(whole[begin:end] for begin, end in cuts for whole in (first, second))
    assert [message.body for message in fed(line)] == [one, two]


def test_an_abort_forgets_what_was_begun() -> None:
    begun = chunks.encode(9, bytes(300), channel=4)[:269]
    abort = chunks.encode(chunks.ABORT, (4).to_bytes(4, "big"), channel=2)
    assert [message.body for message in fed(begun + abort + chunks.encode(9, b"next", channel=4))] == [b"next"]


@pytest.mark.parametrize("size", [1, 2, 127, 128, 4096, 65_536, 0xFFFFFF, 0x7FFFFFFF])
def test_a_chunk_size_holds_from_the_next_chunk_on(size: int) -> None:
    body = bytes(5_000)
    line = chunks.encode(chunks.SET_CHUNK_SIZE, size.to_bytes(4, "big"), channel=2)
    assert [len(message.body) for message in fed(line + chunks.encode(9, body, channel=4, size=size), 999)] == [5_000]


def test_what_is_out_of_bounds_is_refused() -> None:
    begun = chunks.encode(9, bytes(200), channel=4)[:140]
    size = chunks.encode(chunks.SET_CHUNK_SIZE, (1 << 20).to_bytes(4, "big"), channel=2)
    most = header(0, b"\x04", three(0), three(limits.LARGEST_MESSAGE), b"\x09", bytes(4)) + bytes(1 << 20)[:-1]
    bad = [
        header(3, b"\x05"),
        header(2, b"\x05", three(1)),
        begun + chunks.encode(9, b"another", channel=4),
        header(0, b"\x04", three(0), three(limits.LARGEST_MESSAGE + 1), b"\x09", bytes(4)),
        *(header(0, b"\x04", three(0), three(1), bytes((kind,)), bytes(4)) for kind in (0, 7, 10, 14, 21, 23, 255)),
        *(chunks.encode(chunks.SET_CHUNK_SIZE, body, channel=2) for body in (bytes(4), b"\x80\0\0\1", b"\1", bytes(5))),
        chunks.encode(chunks.ABORT, b"", channel=2),
        b"".join(chunks.encode(9, b"", channel=channel) for channel in range(2, 2 + limits.CHUNK_STREAMS + 1)),
        size + b"".join(most[:0] + bytes((channel,)) + most[1:] for channel in (4, 5, 6)),
    ]
    for line in bad:
        with pytest.raises(Malformed):
            fed(line, 10_000)


def test_an_aggregate_is_its_messages_at_their_times() -> None:
    parts = [(9, 5_000, b"one"), (8, 5_020, b"two"), (9, 5_040, b"")]
    body = b"".join(
        bytes((kind,)) + three(len(data)) + three(at) + bytes(4) + data + (11 + len(data)).to_bytes(4, "big")
        for kind, at, data in parts
    )
    found = list(chunks.split(Message(chunks.AGGREGATE, 100, 1, body)))
    assert found == [Message(9, 100, 1, b"one"), Message(8, 120, 1, b"two"), Message(9, 140, 1, b"")]
    for cut in range(1, len(body)):
        if cut not in (18, 36):
            with pytest.raises(Malformed):
                list(chunks.split(Message(chunks.AGGREGATE, 0, 1, body[:cut])))


@given(st.binary(max_size=400), st.integers(1, 100))
def test_no_bytes_make_it_fail_otherwise_or_hold_more_than_it_may(data: bytes, piece: int) -> None:
    with contextlib.suppress(Malformed):
        fed(data, piece)


@given(
    st.lists(st.tuples(st.binary(max_size=900), st.integers(0, (1 << 32) - 1)), max_size=6),
    st.integers(1, 700),
    st.integers(1, 5_000),
)
def test_what_is_put_into_chunks_comes_out_of_them(messages: list[tuple[bytes, int]], size: int, piece: int) -> None:
    line = chunks.encode(chunks.SET_CHUNK_SIZE, size.to_bytes(4, "big"), channel=2)
    line += b"".join(chunks.encode(9, body, at=at, channel=6, stream=1, size=size) for body, at in messages)
    assert fed(line, piece) == [Message(9, at, 1, body) for body, at in messages]


@given(st.binary(max_size=200))
def test_no_bytes_make_amf_fail_otherwise(data: bytes) -> None:
    with contextlib.suppress(amf.NotAmf):
        amf.decode(data)


def test_amf_of_every_type() -> None:
    values: list[amf.Value] = ["name", 1.5, True, None, {"a": {"b": "c"}}]
    strict, date, undefined = b"\x0a\0\0\0\2\5\5", b"\x0b" + bytes(10), b"\x06"
    array, long = b"\x08\xff\xff\xff\xff\0\1x\5\0\0\x09", b"\x0c\0\0\0\1y"
    more: list[amf.Value] = [[None, None], 0.0, None, {"x": None}, "y"]
    assert amf.decode(amf.encode(*values) + strict + date + undefined + array + long) == [*values, *more]
