"""What the suite runs a part of: services of several steps, outages, a week offline, flash, the admin."""

import os
import re
import subprocess

from ops.errors import Refusal
from ops.paths import ROOT, python

TESTS = (
    "devices/tests/test_folding.py",
    "firmware/tests/test_fuzz.py",
    "pets/tests/test_pictures.py",
    "telemetry/tests/test_order.py",
    "tests/test_openapi.py",
    "tests/test_player.py",
    "devices/tests/test_steps.py",
    "core/tests/test_outages.py",
    "core/tests/test_admin_fuzz.py",
    "core/tests/test_admin_lookups.py",
    "firmware/tests/test_updates.py",
    "tests/test_outage.py",
)


def run() -> dict[str, object]:
    """The whole tables of these tests, of which the suite runs a part. Raises Refusal with what failed."""
    env = {**os.environ, "ALL_STEPS": "1"}
    command = [python(), "-m", "tools.dev", "test", *TESTS, "-q"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    passed = re.search(r"(\d+) passed", done.stdout)
    if done.returncode or passed is None:
        raise Refusal(done.stdout[-6000:] + done.stderr[-1000:])
    return {"cases": int(passed[1])}
