"""The two readers of a message agree, and neither raises."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import payloads
from telemetry.columns import PLAIN
from telemetry.services.rejected import as_text

NOW = 1_795_425_600_000
OLDEST = NOW - 86_400_000
GOOD = {"seq": 1, "ts": NOW, "accel_x": 0, "accel_y": 0, "accel_z": 1, "battery_level": 50}
odd = st.one_of(
    st.sampled_from([True, None, "1", "", [], {}, 16, -16, 100, 1.0, -0.0, 1e300, 2**63, 2**64, -(2**63) - 1]),
    st.floats(),  # NaN and the infinities are written as json.dumps writes them
    st.integers(),
)
numbers = st.one_of(st.integers(-20, 120), st.floats(-20, 120, allow_nan=False), odd)
activities = st.one_of(
    odd,
    st.dictionaries(
        st.sampled_from(["sd_mg", "odba_mg", "active_s", "steps", "new"]),
        st.one_of(st.integers(-1, 2**31), odd),
    ),
)
good_activities = st.fixed_dictionaries(
    {name: st.integers(0, 2**31 - 1) for name in ("sd_mg", "odba_mg", "active_s", "steps")}
)
good_samples = st.fixed_dictionaries(
    {
        "seq": st.integers(0, 2**63 - 1),
        "ts": st.one_of(st.integers(OLDEST, OLDEST + 1), st.integers(NOW, NOW + 300_000)),
        **{name: st.one_of(st.integers(-16, 16), st.floats(-16, 16)) for name in ("accel_x", "accel_y", "accel_z")},
        "battery_level": st.one_of(st.integers(0, 100), st.floats(0, 100)),
    },
    optional={"activity": st.none() | good_activities, "unknown": odd},
)
samples = st.one_of(
    good_samples,
    st.fixed_dictionaries(
        {},
        optional={
            "seq": st.one_of(st.integers(-1, 5), odd),
            "ts": st.one_of(st.integers(OLDEST - 2, OLDEST + 2), st.integers(NOW, NOW + 300_002), odd),
            **dict.fromkeys((one.name for one in PLAIN), numbers),
            "activity": activities,
        },
    ),
    odd,
)


@given(
    st.one_of(st.lists(good_samples, max_size=4), st.lists(samples, max_size=4), odd),
    st.sampled_from([1, 1, 1, 2, True, 1.0]),
    st.sampled_from(["9f3a61c2", "9f3a61c2", "9F3A61C2", "short", "9f3a61c2\n", "\u0661" * 8, None]),
    st.sampled_from([3, 3, 3, -1, 2**63, "3", None, 3.0]),
    st.sampled_from([True, False, None, 1]),
)
def test_the_fast_and_the_careful_reader_agree(drawn: Any, version: Any, boot: Any, batch: Any, ack: Any) -> None:
    body = {"v": version, "boot": boot, "batch": batch, "ack": ack, "samples": drawn, "x": "\u00e9"}
    for ascii_only in (True, False):
        payload = json.dumps(body, ensure_ascii=ascii_only).encode()
        fast = payloads.parse(payload, OLDEST, NOW)
        careful = payloads._parse_slowly(payload, OLDEST, NOW)
        # As text, since NaN equals nothing; and minus nothing is nothing.
        assert repr(fast).replace("=-0.0", "=0.0") == repr(careful).replace("=-0.0", "=0.0")
        if isinstance(drawn, list) and fast.boot:
            assert len(fast.readings) + fast.rejected == len(drawn)


@given(good_samples)
def test_the_careful_reader_takes_what_is_good(sample: Any) -> None:
    payload = json.dumps({"v": 1, "boot": "9f3a61c2", "batch": 3, "samples": [sample]}).encode()
    assert len(payloads._parse_slowly(payload, OLDEST, NOW).readings) == 1


@given(st.binary(max_size=200) | st.recursive(odd, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_nothing_raises(what: Any) -> None:
    payload = what if isinstance(what, bytes) else json.dumps(what).encode("utf-8", "replace")
    for shown, reason in payloads.parse(payload, OLDEST, NOW).refused:
        as_text(shown).encode()
        assert reason


def message_of(**changes: Any) -> bytes:
    body = {"v": 1, "boot": "9f3a61c2", "batch": 3, "ack": True, "samples": [GOOD], **changes}
    return json.dumps(body).encode()


def test_an_integer_may_be_written_with_a_fraction_of_nothing() -> None:
    felt = {"sd_mg": 2.0, "odba_mg": 1.0, "active_s": 3.0, "steps": 4.0}
    payload = message_of(v=1.0, batch=3.0, samples=[{**GOOD, "seq": 7.0, "ts": float(NOW), "activity": felt}])
    parsed = payloads.parse(payload, OLDEST, NOW)
    assert (parsed.batch, parsed.answer, parsed.refused) == (3, True, [])
    assert [(one.seq, one.ts, one.activity and one.activity.steps) for one in parsed.readings] == [(7, NOW, 4)]


def test_an_odd_wish_for_an_answer_costs_no_sample() -> None:
    parsed = payloads.parse(message_of(ack="yes"), OLDEST, NOW)
    assert (len(parsed.readings), parsed.rejected, parsed.answer) == (1, 0, False)
    assert [reason for _, reason in parsed.refused] == ["bad_type: ack"]


def test_unknown_keys_are_ignored() -> None:
    felt = {"sd_mg": 1, "odba_mg": 1, "active_s": 1, "steps": 1, "\udc80": 1}
    payload = message_of(samples=[{**GOOD, "new": 1, "\udc80": "\udc80", "activity": felt}], extra={}, **{"\udc80": 2})
    assert len(payloads.parse(payload, OLDEST, NOW).readings) == 1


@pytest.mark.parametrize("place", [b'"x":"\xff",', b'"\xff":1,'])
def test_bytes_that_are_no_utf8_spoil_the_message_wherever_they_are(place: bytes) -> None:
    payload = message_of().replace(b'"v"', place + b'"v"')
    assert [reason for _, reason in payloads.parse(payload, OLDEST, NOW).refused] == ["bad_json"]


def test_500_samples_are_the_most() -> None:
    for count, reasons in ((500, {"bad_type: sample"}), (501, {"too_many_samples"})):
        parsed = payloads.parse(message_of(samples=[0] * count), OLDEST, NOW)
        assert (parsed.rejected, parsed.answer) == (count, True)
        assert {reason for _, reason in parsed.refused} == reasons
