"""200 collars in one process for ten minutes; in the middle the broker is killed. Every sample must be stored once."""

import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from firmware.tests.broker import wait_until
from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import SERVICES
from ops.paths import ROOT
from ops.processes import cpu_s
from tools.soak.flashes import drained, folders, online_since, provisioning, running, steer

COLLARS = 200
MINUTES = 10
INTERVAL_S = 10
BACK_WITHIN_S = 60
SHARE_A_SECOND = 0.2


def run() -> Mapping[str, object]:
    """CPU (share of a core), memory (MB), seconds until all were back, the busiest second's share, samples.

    Raises Refusal if a promise does not hold.
    """
    with Instance(ROOT / "var" / "test" / f"fleet-{os.getpid()}", test=True) as instance:
        instance.start((*SERVICES, "ingest", "worker", "beat"), steps=True)
        place = instance.var / "fleet"
        flashes = folders(place, COLLARS)
        steer(flashes, interval_s=INTERVAL_S)
        with running(provisioning(place, COLLARS), instance.env, flashes) as pid:
            facts = _live(instance, flashes, pid)
        return {**facts, "samples": drained(instance, flashes)}


def _live(instance: Instance, flashes: list[Path], pid: int) -> dict[str, object]:
    """Ten minutes with a broker that dies half-way."""
    begun, cpu = time.monotonic(), cpu_s(pid)
    time.sleep(MINUTES * 30)
    share, spread = _restart_broker(instance, flashes)
    time.sleep(max(begun + MINUTES * 60 - time.monotonic(), 0))
    used = (cpu_s(pid) - cpu) / (time.monotonic() - begun)
    facts = {"collars": COLLARS, "cpu": round(used, 3), "memory_mb": _memory_mb(pid)}
    return {**facts, "back_s": spread, "busiest_second": share}


def _restart_broker(instance: Instance, flashes: list[Path]) -> tuple[float, float]:
    """(share of the collars that came back in the busiest second, seconds from the broker's death to the last)."""
    died = time.time()
    instance.kill("mosquitto")
    wait_until(lambda: all(online_since(flash) > died for flash in flashes), "all collars back", BACK_WITHIN_S)
    at = [online_since(flash) for flash in flashes]
    share = max(Counter(int(moment) for moment in at).values()) / COLLARS
    if share > SHARE_A_SECOND or max(at) - died > BACK_WITHIN_S:
        raise Refusal(f"Back after {max(at) - died:.0f} s, {share:.0%} of them in one second.")
    return share, round(max(at) - died, 1)


def _memory_mb(pid: int) -> float:
    """The most that it ever held."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024, 1)
