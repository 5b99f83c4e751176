"""Each part killed in turn while collars send: nothing is lost, nothing is there twice."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.conftest import Flash, Stack
from tools.testing import wait_for
from tools.testing_flood import Flood, samples

Maker = Callable[..., Flash]
STORED = "SELECT device_id::text, boot, seq FROM telemetry_sample WHERE device_id = ANY(%s::uuid[])"
RECOMPUTED = """
    SELECT device_id, to_timestamp(floor(extract(epoch FROM ts) / %s) * %s) AS start, count(*),
           sum(round(accel_x * 1000000)::bigint), min(accel_x), max(battery_level), sum(active_s), sum(steps)
    FROM telemetry_sample WHERE device_id = ANY(%s::uuid[]) GROUP BY 1, 2 ORDER BY 1, 2
"""
KEPT = """
    SELECT device_id, start, count, accel_x_sum, accel_x_min, battery_level_max, active_s, steps
    FROM telemetry_rollup WHERE width = %s AND device_id = ANY(%s::uuid[]) ORDER BY 1, 2
"""
LATEST = """
    SELECT d.latest_key = (SELECT id FROM telemetry_sample s WHERE s.device_id = d.id ORDER BY id DESC LIMIT 1)
    FROM devices_device d WHERE d.id = ANY(%s::uuid[])
"""


def send_on(flashes: list[Flash], samples: int) -> None:
    """Let each collar make some more samples."""
    before = [len(flash.made()) for flash in flashes]
    for flash, count in zip(flashes, before, strict=True):
        wait_for(lambda flash=flash, count=count: len(flash.made()) >= count + samples, 20)  # type: ignore[misc]


def test_every_sample_is_stored_once_whatever_is_killed(stack: Stack, new_collar: Maker) -> None:
    flashes = [new_collar(interval_s=0.2) for _ in range(3)]
    ids = [flash.id for flash in flashes]
    for victim in ("ingest", "mosquitto", "postgres", "redis", "collar"):
        send_on(flashes, 5)
        if victim == "collar":
            flashes[0].kill()
            flashes[0].run()
        else:
            killed = stack.instance.pid(victim)
            stack.instance.kill(victim)
            wait_for(lambda: stack.instance.pid(victim) not in (None, killed), 30)  # noqa: B023
    send_on(flashes, 5)
    stack.instance.wait_healthy(60)
    for flash in flashes:  # one sample more at the start, then silence; what was kept is still sent
        flash.kill()
        flash.steer(motor_ms=50, log=True, interval_s=3600)
        count = len(flash.made())
        flash.run()
        wait_for(lambda: len(flash.made()) == count + 1)  # noqa: B023
    made = {(flash.id, boot, seq) for flash in flashes for boot, seq, _ in flash.made()}
    wait_for(lambda: len(stack.rows(STORED, ids)) >= len(made), 60)
    assert Counter(stack.rows(STORED, ids)) == Counter(made)
    for width in (300, 3600):
        wait_for(lambda: stack.rows(KEPT, width, ids) == stack.rows(RECOMPUTED, width, width, ids), 10)  # noqa: B023
    assert stack.rows(LATEST, ids) == [(True,)] * 3
    with stack.client() as owner:
        wait_for(lambda: all(owner.get(f"/devices/{one}/status").json()["status"] == "online" for one in ids), 30)


@pytest.mark.parametrize("victim", ["web", "worker", "beat", "nginx"])
def test_a_killed_process_comes_back(stack: Stack, victim: str) -> None:
    killed = stack.instance.pid(victim)
    stack.instance.kill(victim)
    wait_for(lambda: stack.instance.pid(victim) not in (None, killed), 30)
    stack.instance.wait_healthy(60)
    log = (stack.instance.var / "log" / "supervisor.log").read_text()
    assert f"{victim} ended code=-9" in log


@contextmanager
def not_restarted(stack: Stack, victim: str) -> Iterator[None]:
    """A part is killed, and the supervisor stands still: else it would be back within a second."""
    supervisor = int(stack.instance.state["supervisor"])
    os.kill(supervisor, signal.SIGSTOP)
    try:
        stack.instance.kill(victim)
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


def test_a_broker_that_is_away_is_503_and_nothing_is_kept(stack: Stack, new_collar: Maker) -> None:
    flash = new_collar(interval_s=60)
    with stack.client() as owner:
        with not_restarted(stack, "mosquitto"):
            answers = [owner.post(f"/devices/{flash.id}/treat"), owner.post("/devices", json={"name": "x"})]
        codes = [(answer.status_code, answer.json()["code"]) for answer in answers]
        assert codes == [(503, "broker_unavailable")] * 2
        assert all("Retry-After" in answer.headers for answer in answers)
        assert owner.get(f"/devices/{flash.id}/treats").json()["results"] == []
        stack.instance.wait_healthy(30)
        wait_for(lambda: owner.get("/readyz").status_code == 200, 20)
        wait_for(flash.online, 30)
        ordered = wait_for(lambda: (answer := owner.post(f"/devices/{flash.id}/treat")).status_code == 200 and answer)
        assert ordered.json()["result"] == "dispensed"


def test_a_database_that_is_away_is_503(stack: Stack) -> None:
    with stack.client() as owner:
        stack.instance.kill("postgres")
        answer = owner.get("/devices")
        assert answer.status_code in (200, 503)
        if answer.status_code == 503:
            assert (answer.json()["code"], "Retry-After" in answer.headers) == ("database_unavailable", True)
        wait_for(lambda: owner.get("/devices").status_code == 200, 30)
        assert owner.get("/healthz").status_code == 200


def test_a_backlog_of_our_own_standstill_is_stored_whole_and_nobody_is_cut(stack: Stack) -> None:
    """Longer lanes than any flood is let make, but ingest stood still: not the collars' fault."""
    ca, each = stack.instance.var / "tls" / "ca.pem", 8000
    with stack.client() as owner, ExitStack() as opened:
        made = [owner.post("/devices", json={"name": "x"}).json() for _ in range(3)]
        pid = stack.instance.pid("ingest")
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            floods = [opened.enter_context(Flood(one["mqtt"], ca, "telemetry", samples(1), most=each)) for one in made]
            wait_for(lambda: all(flood.sent == each for flood in floods), 60)
        finally:
            os.kill(pid, signal.SIGCONT)
        ids = [one["id"] for one in made]
        wait_for(lambda: len(stack.rows(STORED, ids)) == 3 * each, 120)
        assert not any(flood.cut for flood in floods)
        for one in ids:
            owner.delete(f"/devices/{one}")
