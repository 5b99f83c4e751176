"""Tests side by side: how many lanes, and how each is told its services. The plugin is tools/dev/scheduler.py."""

import json
import os

NAME = "HETRI_TEST_LANES"
MOST = 4  # beyond it the longest lane, that of the whole stack, decides


def count() -> int:
    """One more than there are cores: a test waits for others most of its time."""
    return max(1, min(MOST, (os.cpu_count() or 1) + 1))


def handed_over(envs: list[dict[str, str]]) -> dict[str, str]:
    """The environment that hands those lanes to pytest; the first is also the whole run's."""
    return {**envs[0], NAME: json.dumps(envs)}


def take(worker: str) -> None:
    """Make the lane of this worker (`gw0`, `gw1`, ...) its environment."""
    lanes: list[dict[str, str]] = json.loads(os.environ.pop(NAME, "[]"))
    if lanes:
        os.environ.update(lanes[int(worker.removeprefix("gw"))])
