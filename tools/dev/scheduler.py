"""Tests side by side: pytest-xdist's workers, each with services of its own.

A pytest plugin (`-p tools.dev.scheduler`, in pyproject.toml). `./dev test` without arguments starts one set of services
a lane; a worker takes the one of its number here, before Django's settings are read.
"""

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tools.dev import lanes


class Lanes(LoadScopeScheduling):  # type: ignore[misc]
    """A file stays in one lane; everything on the whole stack shares the one that has started it."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "stack" if file.startswith("tests/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """xdist's own grouping by marks does nothing under this pytest: it renames tests by a field that is gone."""
    return Lanes(config, log)


if "PYTEST_XDIST_WORKER" in os.environ:
    lanes.take(os.environ["PYTEST_XDIST_WORKER"])
