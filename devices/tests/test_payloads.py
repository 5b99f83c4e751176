"""Status payloads: whatever comes is read or refused with a reason; nothing else is raised."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.payloads import BadPayload, parse_status

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.sampled_from(["9f3a61c2", "1.0.0", "dispensed", "\x00", "\ud800", 2**63, 2**64, -(2**63) - 1]),
    st.lists(st.none()),
)
NAMES = ["online", "boot", "firmware", "battery_level", "rssi", "treats_left", "streaming", "config_version", "ip"]
inner = st.dictionaries(st.sampled_from(["id", "result", "reason", "job", "state", "x"]), odd)
messages = st.fixed_dictionaries(
    {"v": st.sampled_from([1, 1, 1, 2, "1", True])},
    optional={**dict.fromkeys([*NAMES, "unknown"], odd), "command": inner | odd, "update": inner | odd},
)


def as_json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")


def read(payload: bytes) -> str | None:
    """Why it is refused; None when it is not."""
    try:
        parse_status(payload)
    except BadPayload as refused:
        return str(refused)
    return None


@given(messages.map(as_json))
def test_any_object_is_read_or_refused(payload: bytes) -> None:
    assert read(payload) != ""


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
@example(b'{"v":1,"online":true,"boot":"\xff"}')
@example(b"[" * 16_000)
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    assert read(payload) != ""


@given(messages.map(as_json), st.integers(0, 400), st.integers(0, 255))
def test_any_changed_byte_is_read_or_refused(payload: bytes, at: int, byte: int) -> None:
    at %= len(payload)
    assert read(payload[:at] + bytes([byte]) + payload[at + 1 :]) != ""


@pytest.mark.parametrize(
    "payload",
    [b'{"v":1,"online":true,"boot":"\xff"}', b'{"v":1,"online":true,"x":"\xff"}', b'{"v":1,"online":true,"\xff":1}'],
)
def test_what_is_not_utf8_is_refused_and_says_so(payload: bytes) -> None:
    assert read(payload) == "bad_encoding: not UTF-8"
