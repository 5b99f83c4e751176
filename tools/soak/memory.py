"""A simulated day of one collar, connected and giving treats: its heap must not grow."""

import json
import statistics
import subprocess
import uuid
from collections.abc import Mapping

from firmware.simulation import collar_env, script_command
from firmware.tests.broker import Server
from firmware.tests.collar import Collar
from ops.errors import Refusal
from tools.soak.collar import one_collar

HEAP = "512K"
EDGE_H = 6  # hours at the start and the end that are compared
GROWTH_MOST = 2_048  # bytes: a name that is new to the interpreter stays for good
LEDGER = 32  # commands that a collar remembers; it begins with all of them, since they fill the heap, too


def run() -> Mapping[str, object]:
    """Bytes of heap in use over the first and the last hours of the day. Raises Refusal if they grow."""
    with one_collar(interval_s=60, log=False) as bench:
        done = [[str(uuid.uuid4()), "dispensed", 0, True] for _ in range(LEDGER)]
        (bench.collar.flash / "treats.json").write_text(json.dumps({"left": 50, "done": done}))
        return _judge(_live(bench.collar, bench.server), bench.server)


def _live(collar: Collar, server: Server) -> list[int]:
    command = script_command("sim/day.py", collar.flash, heap=HEAP)
    heaps: list[int] = []
    with subprocess.Popen(command, env=collar_env(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                heaps.append(json.loads(line)["heap"])
                server.treat(expires_in_s=3_600)
    if process.returncode or len(heaps) != 24:
        raise Refusal(f"The collar ended after {len(heaps)} h with {process.returncode}.")
    return heaps


def _judge(heaps: list[int], server: Server) -> Mapping[str, object]:
    first, last = statistics.median(heaps[:EDGE_H]), statistics.median(heaps[-EDGE_H:])
    samples = sum(len(batch["samples"]) for batch in server.batches())
    if last - first > GROWTH_MOST:
        raise Refusal(f"The heap grew from {first:.0f} to {last:.0f} bytes: {heaps}")
    return {"heap": HEAP, "first_hours": first, "last_hours": last, "most": max(heaps), "samples": samples}
