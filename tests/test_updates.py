"""A release's whole way: signed, rolled out, downloaded through nginx by the real program, proved, seen by its owner."""

import json
from collections.abc import Iterator
from pathlib import Path

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


def build(stack: Stack, version: str, *more: str) -> str:
    """A draft; its id."""
    key = str(stack.instance.var / "release.pem")
    done = stack.instance.manage("build_release", version, "--key", key, "--json", *more)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["id"])


def test_a_release_reaches_a_collar_and_its_owner_sees_it(stack: Stack, collar: FlashedCollar) -> None:
    release = build(stack, "1.1.0")
    with stack.client("admin") as admin, stack.client() as owner:
        for act, body in (("publish", {}), ("roll_out", {"percent": 100})):
            answer = admin.post(f"/firmware/releases/{release}/{act}", json=body)
            assert answer.status_code == 200, answer.text
        for device in (collar.id, stack.demo["device"]):  # the demo's is one of those that simulate_collar runs, too
            wait_for(
                lambda told=f"/devices/{device}/updates": owner.get(told).json()["results"][0]["state"] == "confirmed",
                60,
            )
            assert owner.get(f"/devices/{device}").json()["firmware_version"] == "1.1.0"
        assert admin.post(f"/firmware/releases/{release}/withdraw", json={}).status_code == 200


def test_a_program_that_never_starts_is_taken_back_and_the_job_says_so(
    stack: Stack, collar: FlashedCollar, tmp_path: Path
) -> None:
    broken = program_with(tmp_path / "broken", {"app/main.py": "raise ValueError('broken')\n"})
    release = build(stack, "1.2.0", "--source", str(broken))
    with stack.client("admin") as admin, stack.client() as owner:
        for act in ("publish", "roll_out"):
            assert admin.post(f"/firmware/releases/{release}/{act}", json={"percent": 100}).status_code == 200
        wait_for(lambda: owner.get(f"/devices/{collar.id}/updates").json()["results"][0]["state"] == "rolled_back", 30)
        assert owner.get(f"/devices/{collar.id}").json()["firmware_version"] == "1.0.0"
