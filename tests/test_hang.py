"""Parts of the whole stack that hang (SIGSTOP), not die: they are replaced, too. `./dev soak hang` tries every one."""

import json
import os
import signal
import uuid
from collections.abc import Iterator

import pytest

from ops.instance import Instance
from ops.parts import ALL
from ops.paths import ROOT
from tests.conftest import Stack
from tools.testing import wait_for

QUICK = {"every_s": 1.0, "looks": 3, "grace_s": 120.0}


@pytest.fixture(scope="module")
def watched() -> Iterator[Stack]:
    """A stack of its own: others stop parts and want them to stay."""
    folder = ROOT / "var" / "test" / f"hang-{uuid.uuid4().hex[:8]}"
    with Instance(folder, test=True, webs=2, watch=QUICK) as instance:
        instance.start(ALL, steps=True, seconds=180)
        yield Stack(instance, json.loads((instance.var / "demo.json").read_text()))


@pytest.mark.parametrize("name", ["web2", "ingest", "nginx"])
def test_a_hung_process_is_replaced(watched: Stack, name: str) -> None:
    hung = watched.instance.pid(name)
    assert hung
    os.kill(hung, signal.SIGSTOP)
    wait_for(lambda: watched.instance.pid(name) not in (None, hung), 40)
    watched.instance.wait_healthy(90)
    log = (watched.instance.var / "log" / "supervisor.log").read_text()
    assert f"{name} hangs: it is stopped; ending pid={hung}" in log


def test_a_treat_goes_through_a_broker_that_hung_and_was_replaced(watched: Stack) -> None:
    hung = watched.instance.pid("mosquitto")
    assert hung
    os.kill(hung, signal.SIGSTOP)
    wait_for(lambda: watched.instance.pid("mosquitto") not in (None, hung), 40)
    watched.instance.wait_healthy(90)
    with watched.client() as owner:
        treat = f"/devices/{watched.demo['device']}/treat"
        wait_for(
            lambda: (answer := owner.post(treat)).status_code == 200 and answer.json()["result"] == "dispensed", 90
        )
