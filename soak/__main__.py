"""Runs the soaks named on the command line, or all: one line and one line of JSON each."""

import json
import sys
import time
from collections.abc import Callable, Mapping

from devkit.errors import Refusal
from soak import alerts, backup, certificates, containers, fleet, memory, sbom, stream, video

SOAKS: Mapping[str, Callable[[], Mapping[str, object]]] = {
    "alerts": alerts.run,
    "certificates": certificates.run,
    "containers": containers.run,
    "memory": memory.run,
    "fleet": fleet.run,
    "stream": stream.run,
    "sbom": sbom.run,
    "video": video.run,
    "backup": backup.run,
    "backup_big": backup.run_big,
}


def _run(name: str) -> bool:
    """Run one; whether it held what it promises."""
    begun = time.monotonic()
    try:
        facts = SOAKS[name]()
    except (Refusal, AssertionError) as refused:  # the second is how the tests' helpers say "waited in vain"
        print(f"{name}: FAILED: {refused}", flush=True)
        return False
    print(f"{name}: ok in {time.monotonic() - begun:.0f} s", flush=True)
    print(json.dumps({"name": name, **facts}), flush=True)
    return True


def main(names: list[str]) -> int:
    """0 once all named have held."""
    if unknown := [name for name in names if name not in SOAKS]:
        print(f"No such soak: {', '.join(unknown)}. There are: {', '.join(SOAKS)}", file=sys.stderr)
        return 2
    failed = [name for name in names or SOAKS if not _run(name)]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
