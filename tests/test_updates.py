"""A release's whole way: signed, rolled out, downloaded through nginx by the real program, proved, seen by its owner."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from firmware.packing import BOARD, pack, read_key, unpack
from firmware.tests.releases import program_with
from tests.conftest import FlashedCollar, Stack, provision
from tools.testing import wait_for


@pytest.fixture
def collar(stack: Stack, tmp_path: Path) -> Iterator[FlashedCollar]:
    """The demo owner's, at rest at a charger, with version 1.0.0."""
    made = provision(stack, tmp_path / "root" / "data")
    key = read_key(stack.instance.var / "release.pem")
    unpack(pack(version="1.0.0", board=BOARD, key=key), tmp_path / "root" / "a")
    collar = FlashedCollar(made.path, made.id)
    collar.steer(charging=True)
    collar.run()
    wait_for(collar.online, 15)
    yield collar
    collar.kill()


@contextmanager
def rolled_out(stack: Stack, version: str, *more: str) -> Iterator[httpx.Client]:
    """A release to everybody; taken back in the end, so that no other test's collar is offered it. Lends the owner."""
    key = str(stack.instance.var / "release.pem")
    done = stack.instance.manage("build_release", version, "--key", key, "--json", *more)
    assert done.returncode == 0, done.stderr
    release = json.loads(done.stdout)["id"]
    with stack.client("admin") as admin, stack.client() as owner:
        try:
            for act in ("publish", "roll_out"):
                answer = admin.post(f"/firmware/releases/{release}/{act}", json={"percent": 100})
                assert answer.status_code == 200, answer.text
            yield owner
        finally:
            admin.post(f"/firmware/releases/{release}/withdraw", json={})


def ended(owner: httpx.Client, device: str, state: str) -> bool:
    """Whether the newest try of an update came to that."""
    tries = owner.get(f"/devices/{device}/updates").json()["results"]
    return bool(tries and tries[0]["state"] == state)


def test_a_release_reaches_a_collar_and_its_owner_sees_it(stack: Stack, collar: FlashedCollar) -> None:
    with rolled_out(stack, "1.1.0") as owner:
        wait_for(lambda: ended(owner, collar.id, "confirmed"), 30)
        assert owner.get(f"/devices/{collar.id}").json()["firmware_version"] == "1.1.0"


def test_a_program_that_never_starts_is_taken_back_and_the_job_says_so(
    stack: Stack, collar: FlashedCollar, tmp_path: Path
) -> None:
    broken = program_with(tmp_path / "broken", {"app/main.py": "raise ValueError('broken')\n"})
    with rolled_out(stack, "1.2.0", "--source", str(broken)) as owner:
        wait_for(lambda: ended(owner, collar.id, "rolled_back"), 30)
        assert owner.get(f"/devices/{collar.id}").json()["firmware_version"] == "1.0.0"


def test_a_simulated_collar_updates_as_the_demos_does(stack: Stack, tmp_path: Path) -> None:
    simulated = provision(stack, tmp_path / "simulated")
    simulated.steer(charging=True)
    simulated.run()
    wait_for(simulated.online, 15)
    with rolled_out(stack, "1.3.0") as owner:
        wait_for(lambda: ended(owner, simulated.id, "confirmed"), 30)
        assert owner.get(f"/devices/{simulated.id}").json()["firmware_version"] == "1.3.0"
    simulated.kill()
