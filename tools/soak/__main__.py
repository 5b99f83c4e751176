"""Runs the soaks named on the command line, or all: one line and one line of JSON each."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

from ops.errors import Refusal
from tools.soak import (
    alerts,
    audit,
    backup,
    backup_faults,
    broker,
    broker_plugin,
    certificates,
    containers,
    disks,
    fleet,
    flood,
    hang,
    hashing,
    hour,
    memory,
    rolling,
    rtmp_fuzz,
    sbom,
    steps,
    stream,
    streams,
    video,
)

Soak = Callable[[], Mapping[str, object]]
SOAKS: Mapping[str, Soak] = {
    "alerts": alerts.run,
    "audit": audit.run,
    "broker": broker.run,
    "broker_plugin": broker_plugin.run,
    "hashing": hashing.run,
    "certificates": certificates.run,
    "containers": containers.run,
    "disks": disks.run,
    "memory": memory.run,
    "fleet": fleet.run,
    "flood": flood.run,
    "stream": stream.run,
    "streams": streams.run,
    "sbom": sbom.run,
    "video": video.run,
    "rolling": rolling.run,
    "rtmp_fuzz": rtmp_fuzz.run,
    "hour": hour.run,
    "hang": hang.run,
    "backup": backup.run,
    "backup_big": backup.run_big,
    "backup_faults": backup_faults.run,
    "steps": steps.run,
}


def _run(name: str, soak: Soak) -> bool:
    """Run one; whether it held what it promises."""
    begun = time.monotonic()
    try:
        facts = soak()
    except (Refusal, AssertionError) as refused:  # the second is how the tests' helpers say "waited in vain"
        print(f"{name}: FAILED: {refused}", flush=True)
        return False
    print(f"{name}: ok in {time.monotonic() - begun:.0f} s", flush=True)
    print(json.dumps({"name": name, **facts}), flush=True)
    return True


def main(arguments: list[str]) -> int:
    """0 once all named have held."""
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SOAKS))
    parser.add_argument("--minutes", type=float, default=hour.MINUTES, help="how long `hour` lasts (default: 60)")
    many = "how many connections `rtmp_fuzz` makes (default: 100,000)"
    parser.add_argument("--connections", type=int, default=rtmp_fuzz.CONNECTIONS, help=many)
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in SOAKS]:
        print(f"No such soak: {', '.join(unknown)}. There are: {', '.join(SOAKS)}", file=sys.stderr)
        return 2
    soaks: dict[str, Soak] = {**SOAKS, "hour": partial(hour.run, options.minutes)}
    soaks["rtmp_fuzz"] = partial(rtmp_fuzz.run, options.connections)
    failed = [name for name in options.names or SOAKS if not _run(name, soaks[name])]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
