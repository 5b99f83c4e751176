"""Tests side by side: pytest-xdist's workers, each with services of its own.

A pytest plugin (`-p devkit.lanes`, in pyproject.toml). `./dev test` without arguments starts one set of services a
lane and names them in HETRI_TEST_LANES; a worker takes the one of its number before Django's settings are read.
"""

import json
import os
from pathlib import Path

import pytest

from devkit.bootstrap import ROOT

NAME = "HETRI_TEST_LANES"
MOST = 4  # beyond it the longest lane, that of the whole stack, decides


def count() -> int:
    """One more than there are cores: a test waits for others most of its time."""
    return max(1, min(MOST, (os.cpu_count() or 1) + 1))


def handed_over(envs: list[dict[str, str]]) -> dict[str, str]:
    """The environment that hands those lanes to pytest; the first is also the whole run's."""
    return {**envs[0], NAME: json.dumps(envs)}


def _take(worker: str) -> None:
    lanes: list[dict[str, str]] = json.loads(os.environ.pop(NAME, "[]"))
    if lanes:
        os.environ.update(lanes[int(worker.removeprefix("gw"))])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file stays in one lane; everything on the whole stack shares the one that has started it."""
    for item in items:
        top, *_ = Path(item.path).relative_to(ROOT).parts
        item.add_marker(pytest.mark.xdist_group("stack" if top == "tests" else str(item.path)))


if "PYTEST_XDIST_WORKER" in os.environ:
    _take(os.environ["PYTEST_XDIST_WORKER"])
