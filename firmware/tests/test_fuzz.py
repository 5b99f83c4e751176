"""Whatever the broker hands over, the collar goes on: made up by hypothesis, near to valid commands and far from them."""

import json
import string
import time
import uuid
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware.tests.broker import Server, wait_until
from firmware.tests.collar import Collar
from tools.testing import WHOLE

SAY_AGAIN_S = 1.0
FINAL = {"dispensed", "jammed", "empty", "expired", "failed"}
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, 1, 60, -1, 2**31, 2**53, 2**64, 1_795_425_600_000])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=80) | st.sampled_from(["start", "stop", "off", "on_demand"]),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=8), inside, max_size=4),
    max_leaves=12,
)
FIELDS = {
    "treat": ("v", "id", "portion", "exp"),
    "config": ("v", "version", "telemetry_interval_s", "camera", "time_zone"),
    "time": ("v", "now"),
    "ack": ("boot", "batch", "stored", "rejected"),
    "stream": ("v", "id", "action", "host", "port", "app", "name", "key", "lease_s", "width", "height", "fps"),
    "update": ("v", "id", "job", "version", "url", "size", "sha256", "signature"),
}
NAMES = st.sampled_from(sorted(FIELDS)) | st.text(string.ascii_letters + string.digits + "/_-é ", max_size=30)


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, bytes]:
    """A topic under cmd/ and a payload: a command with wrong values, any JSON, or any bytes."""
    name = draw(NAMES)
    if draw(st.integers(0, 2)) == 0:
        return name, draw(st.binary(max_size=2_000))
    told: Any = draw(VALUES)
    if name in FIELDS and draw(st.booleans()):
        told = {field: draw(VALUES) for field in FIELDS[name] if draw(st.integers(0, 4))}
    return name, json.dumps(told).encode()


def _gives_a_treat(server: Server) -> bool:
    """Ask until it is answered: while it is busy with the noise it may refuse to listen."""
    treat, asked = str(uuid.uuid4()), 0.0

    def answered() -> bool:
        nonlocal asked
        if time.monotonic() - asked > SAY_AGAIN_S:
            server.treat(treat)
            asked = time.monotonic()
        return bool(FINAL & set(server.results(treat)))

    return wait_until(answered, "an answer")


def test_no_message_stops_it(server: Server, collar: Collar) -> None:
    collar.start("512K")
    collar.wait_online()

    @settings(max_examples=40 if WHOLE else 20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(messages(), min_size=10, max_size=25))
    def says(told: list[tuple[str, bytes]]) -> None:
        for name, payload in told:
            server.command(name, payload)
        assert _gives_a_treat(server)
        assert collar.console().count(" boot ") == 1, told
        assert " crashed " not in collar.console(), told

    says()
