"""The two readers of a message agree."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from telemetry import payloads

NOW = 1_795_425_600_000
OLDEST = NOW - 86_400_000
numbers = st.one_of(
    st.integers(-20, 120),
    st.floats(-20, 120, allow_nan=False),
    st.sampled_from([True, None, "1", 16, -16, 100]),
)
activities = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {name: st.one_of(st.integers(-1, 2**31), st.none()) for name in ("sd_mg", "odba_mg", "active_s", "steps")}
    ),
)
samples = st.fixed_dictionaries(
    {
        "seq": st.one_of(st.integers(-1, 5), st.just(2**63), st.just(True), st.just("1")),
        "ts": st.one_of(st.integers(OLDEST - 2, OLDEST + 2), st.integers(NOW, NOW + 300_002), st.just(True)),
        "accel_x": numbers,
        "accel_y": numbers,
        "accel_z": numbers,
        "battery_level": numbers,
    },
    optional={"activity": activities, "unknown": st.integers()},
)


@given(
    st.lists(samples, max_size=4),
    st.sampled_from([1, 2, True]),
    st.sampled_from(["9f3a61c2", "9F3A61C2", "short", "9f3a61c2\n"]),
)
def test_the_fast_and_the_careful_reader_agree(drawn: list[Any], version: Any, boot: str) -> None:
    payload = json.dumps({"v": version, "boot": boot, "batch": 3, "ack": True, "samples": drawn}).encode()
    fast = payloads.parse(payload, OLDEST, NOW)
    careful = payloads._parse_slowly(payload, OLDEST, NOW)
    assert fast == careful


def test_unknown_keys_are_ignored() -> None:
    sample = {"seq": 1, "ts": NOW, "accel_x": 0, "accel_y": 0, "accel_z": 1, "battery_level": 50, "new": 1}
    body = {"v": 1, "boot": "9f3a61c2", "batch": 3, "samples": [sample], "extra": {}}
    assert len(payloads.parse(json.dumps(body).encode(), OLDEST, NOW).readings) == 1
