"""Each service of several steps beside each neighbour that hangs: done and told, or not done and said so.

The whole table takes minutes and is `./dev soak steps`; here are the rows that once were half, and one of each kind.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from broker.registry import registry
from conftest import Around
from devices.models import Device
from devices.tests import steps
from devices.tests.steps import STEPS, Step
from tools.testing import WHOLE, Api, hanging, wait_for

ANSWERED_S = 7.0
SLACK_S = float(os.environ.get("SLACK_S", "3"))  # for a machine that does other things, too
NEIGHBOURS = ("mosquitto", "watcher", "postgres", "redis")
HERE = {
    ("provision", "mosquitto", "during"),
    ("rotate", "watcher", "before"),
    ("rotate", "postgres", "during"),
    ("handover", "mosquitto", "before"),
    ("claim", "mosquitto", "during"),
    ("claim", "redis", "before"),
    ("delete account", "mosquitto", "during"),
    ("config", "postgres", "before"),
    ("batch", "mosquitto", "during"),
}
# What is not on trial tells the broker after its commit only, so there is no "during" of its own.
TABLE = [
    (step, neighbour, moment)
    for step in STEPS
    for neighbour in NEIGHBOURS
    for moment in ("before", "during")
    if moment == "before" or step.on_trial or step.name == "batch"
]
CHOSEN = [row for row in TABLE if WHOLE or (row[0].name, *row[1:]) in HERE]


def test_the_rows_of_every_day_are_in_the_table() -> None:
    assert {(step.name, neighbour, moment) for step, neighbour, moment in TABLE} >= HERE
    assert len(TABLE) == len(STEPS) * 4 + 8 * 4


@contextmanager
def halfway(case: Step, neighbour: str) -> Iterator[bool]:
    """What is told when the neighbour begins to hang once the service is under way."""
    with ThreadPoolExecutor(1) as pool, ExitStack() as held:
        with hanging("watcher"):  # nothing is loaded: it waits
            acting = pool.submit(case.act)
            wait_for(lambda: case.is_under_way() or acting.done())
            held.enter_context(hanging(neighbour))
        yield acting.result(30)


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row[0].name}-{row[1]}-{row[2]}") for row in CHOSEN])
def test_it_is_done_and_told_or_not_done_and_said_so(
    alice: Api, bob: Api, charlie: Api, around: Around, row: tuple[type[Step], str, str]
) -> None:
    step, neighbour, moment = row
    Device.objects.update(suspended_until=None)  # of other tests: the broker's file follows when one ends
    registry().sync()
    wait_for(lambda: httpx.get(f"{around.url}/readyz").status_code == 200)  # after the row before this one
    case = step(alice, bob, charlie, around)
    began = time.monotonic()
    if moment == "before":
        with hanging(neighbour):
            told = case.act()
            took = time.monotonic() - began
    else:
        with halfway(case, neighbour) as told:
            took = time.monotonic() - began
    assert took < ANSWERED_S + SLACK_S
    steps.settle()
    assert case.is_done() is told
    case.check(told)
