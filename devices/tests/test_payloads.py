"""Status payloads: whatever comes is read or refused with a reason; nothing else is raised."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.payloads import FACTS, BadPayload, Status, parse_status

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


ESSENTIAL: dict[str, Any] = {
    "online": True,
    "command": {"id": "0192aaaa-0000-7000-8000-000000000000", "result": "dispensed"},
    "update": {"job": "0192AAAA00007000800000000000000A", "state": "confirmed"},
}
side_values = st.fixed_dictionaries(
    {"v": st.sampled_from([1, 1.0])},
    optional={**dict.fromkeys([*FACTS, "unknown"], odd), "hardware": odd | st.dictionaries(st.text(), odd)},
)


@given(side_values, st.sets(st.sampled_from([*ESSENTIAL]), min_size=1), odd)
def test_no_side_value_costs_what_the_message_is_for(side: Any, meant: set[str], reason: Any) -> None:
    essential: dict[str, Any] = {name: ESSENTIAL[name] for name in meant}
    for name in meant - {"online"}:
        essential[name] = {**essential[name], "reason": reason}
    status = parse_status(json.dumps({**side, **essential}).encode())
    assert {name for name in ESSENTIAL if getattr(status, name) is not None} == meant
    kept = {**status.reported, "hardware": status.hardware}
    assert all(kept.get(name) is not None or _is_told(status, name) for name in FACTS if side.get(name) is not None)


def _is_told(status: Status, name: str) -> bool:
    return any(f": {name}" in fault for fault in status.faults)


@pytest.mark.parametrize("spelling", ["{%s}", "urn:uuid:%s", "%s"])
def test_an_id_counts_in_every_spelling_of_a_uuid(spelling: str) -> None:
    spelled = {"id": spelling % str(ESSENTIAL["command"]["id"]).upper(), "result": "jammed"}
    command = parse_status(as_json({"v": 1, "command": spelled})).command
    assert str(command and command.id) == ESSENTIAL["command"]["id"]


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
