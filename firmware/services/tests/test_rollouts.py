"""Releases and their rollouts: who may, in which order, to how many, and when it stops by itself."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db.transaction import atomic

from core.errors import Conflict
from devices.models import Device
from firmware.models import Release, UpdateJob
from firmware.packing import BOARD, pack
from firmware.services import jobs, releases, rollouts
from tools.testing import Api, Collar, wait_for


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


@pytest.fixture
def release(key: rsa.RSAPrivateKey, live_db: None) -> Release:
    """Published, rolled out to nobody, with a version of its own."""
    made = releases.add(packed=pack(version=f"1.1.{uuid4().int % 1_000_000}", board=BOARD, key=key))
    rollouts.publish(release=made)
    return made


@pytest.fixture
def collar(alice: Api, collar_of: Callable[..., Collar]) -> Collar:
    """Alice's collar, connected."""
    return collar_of(alice, alice.new_device())


def job_of(release: Release, device: str) -> UpdateJob:
    return UpdateJob.objects.get(release=release, device=device)


def only_for(release: Release, device: str) -> UpdateJob:
    """A job of that collar alone, offered."""
    job = UpdateJob.objects.create(release=release, device_id=device)
    with atomic():
        jobs.offer(UpdateJob.objects.filter(pk=job.pk))
    return job


def say(collar: Collar, job: UpdateJob, state: str, **more: Any) -> None:
    collar.publish("status", {"v": 1, "update": {"job": str(job.pk), "state": state, **more}})


def test_an_online_collar_is_offered_its_release(release: Release, collar: Collar) -> None:
    job = only_for(release, collar.id)
    order = wait_for(lambda: collar.received("update"))[0]
    assert (order["job"], order["action"], order["version"]) == (str(job.pk), "install", release.version)


def test_the_steps_that_a_collar_tells_are_kept_with_their_times(release: Release, collar: Collar) -> None:
    job = only_for(release, collar.id)
    for state in ("downloading", "installed", "confirmed"):
        say(collar, job, state)
    wait_for(lambda: job_of(release, collar.id).state == "confirmed")
    done = job_of(release, collar.id)
    assert None not in (done.offered_at, done.downloading_at, done.installed_at, done.ended_at)


def test_a_late_word_does_not_turn_a_job_back(release: Release, collar: Collar) -> None:
    job = only_for(release, collar.id)
    say(collar, job, "confirmed")
    wait_for(lambda: job_of(release, collar.id).state == "confirmed")
    say(collar, job, "downloading")
    say(collar, job, "failed", reason="late")
    collar.publish("status", {"v": 1, "online": True, "firmware": "9.9.9"})
    wait_for(lambda: Device.objects.get(pk=collar.id).firmware_version == "9.9.9")
    assert job_of(release, collar.id).state == "confirmed"


def test_another_collar_has_no_say_in_a_job(
    release: Release, collar: Collar, bob: Api, collar_of: Callable[..., Collar]
) -> None:
    job = only_for(release, collar.id)
    stranger = collar_of(bob, bob.new_device())
    say(stranger, job, "failed", reason="bad_signature")
    stranger.publish("status", {"v": 1, "online": True, "firmware": "9.9.9"})
    wait_for(lambda: Device.objects.get(pk=stranger.id).firmware_version == "9.9.9")
    assert job_of(release, collar.id).state == "offered"


def test_a_collar_that_comes_online_is_offered_its_open_job(release: Release, collar: Collar) -> None:
    job = UpdateJob.objects.create(release=release, device_id=collar.id)
    collar.publish("status", {"v": 1, "online": True, "firmware": "1.0.0"})
    assert wait_for(lambda: collar.received("update"))[0]["job"] == str(job.pk)


def test_a_share_of_the_collars_is_the_same_whenever_it_is_asked(release: Release) -> None:
    places = [rollouts._place(release.pk, uuid4()) for _ in range(2_000)]
    assert 0.08 < sum(place < 10 for place in places) / 2_000 < 0.12
    device = uuid4()
    assert rollouts._place(release.pk, device) == rollouts._place(release.pk, device)


def test_rolling_out_to_all_gives_each_collar_one_job(release: Release, collar: Collar) -> None:
    rollouts.roll_out(release=release, percent=100)
    assert rollouts.roll_out(release=release, percent=100) == 0
    assert UpdateJob.objects.filter(release=release, device=collar.id).count() == 1
    rollouts.withdraw(release=release)


def test_a_withdrawn_release_is_called_back(release: Release, collar: Collar) -> None:
    job = only_for(release, collar.id)
    rollouts.withdraw(release=release)
    assert wait_for(lambda: [one for one in collar.received("update") if one["action"] == "cancel"])[0]["job"] == str(
        job.pk
    )
    ended = job_of(release, collar.id)
    assert (ended.state, ended.reason) == ("failed", "withdrawn")


def test_too_many_failures_pause_a_rollout(release: Release, collar: Collar) -> None:
    job = only_for(release, collar.id)
    say(collar, job, "failed", reason="changed_file")
    wait_for(lambda: Release.objects.get(pk=release.pk).paused)
    with pytest.raises(Conflict):
        rollouts.roll_out(release=release, percent=50)


def test_a_draft_cannot_be_rolled_out(key: rsa.RSAPrivateKey, live_db: None) -> None:
    draft = releases.add(packed=pack(version=f"2.0.{uuid4().int % 1_000_000}", board=BOARD, key=key))
    with pytest.raises(Conflict):
        rollouts.roll_out(release=draft, percent=10)


def test_the_program_is_handed_out_in_pieces_to_its_job_alone(
    release: Release, collar: Collar, anonymous: httpx.Client
) -> None:
    only_for(release, collar.id)
    path = wait_for(lambda: collar.received("update"))[0]["path"]
    answer = anonymous.get(f"{path}/program", headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, bytes(release.program[10:20]))
    past = anonymous.get(f"{path}/program", headers={"Range": f"bytes={release.size}-{release.size + 9}"})
    assert past.status_code == 416
    wrong = path[:-1] + ("0" if path[-1] != "0" else "1")
    assert anonymous.get(f"{wrong}/program", headers={"Range": "bytes=0-9"}).status_code == 404


def test_owners_do_not_see_releases(release: Release, alice: Api) -> None:
    assert alice.get("/firmware/releases").status_code == 404
    assert alice.post(f"/firmware/releases/{release.pk}/pause", json={}).status_code == 404


def test_support_cannot_act_on_releases(release: Release, sign_in: Callable[..., Api]) -> None:
    support = sign_in("dana", role="staff", group="support")
    listed = support.get(f"/firmware/releases/{release.pk}")
    assert (listed.status_code, listed.json()["version"]) == (200, release.version)
    assert support.post(f"/firmware/releases/{release.pk}/pause", json={}).status_code == 403


def test_a_manifest_names_every_file_of_the_program(release: Release) -> None:
    named = {one["path"] for one in json.loads(bytes(release.manifest))["files"]}
    assert {"app/main.py", "app/update.py", "board/pins.py"} <= named
    assert not any(path.startswith("sim/") for path in named)


def test_a_release_goes_to_collars_of_its_board_and_those_that_never_said_theirs(release: Release, alice: Api) -> None:
    boards = {"": "unknown", BOARD: "its own", "another": "other"}
    devices = {board: alice.new_device()["id"] for board in boards}
    for board, device in devices.items():
        Device.objects.filter(pk=device).update(board=board)
    rollouts.roll_out(release=release, percent=100)
    jobs_made = UpdateJob.objects.filter(release=release, device__in=devices.values()).values_list("device", flat=True)
    assert {str(device) for device in jobs_made} == {devices[""], devices[BOARD]}


def test_a_collar_of_another_board_is_no_failure_of_a_mixed_fleet(
    release: Release, alice: Api, collar_of: Callable[..., Collar]
) -> None:
    collars = [collar_of(alice, alice.new_device()) for _ in range(3)]
    for collar in collars:
        say(collar, only_for(release, collar.id), "failed", reason="other_board")
    wait_for(lambda: UpdateJob.objects.filter(release=release, state="failed").count() == 3)
    assert not Release.objects.get(pk=release.pk).paused


def test_a_job_ends_when_its_collar_says_that_it_is_another_board(release: Release, collar: Collar) -> None:
    job = only_for(release, collar.id)
    collar.say_online(hardware={"board": "another"})
    wait_for(lambda: UpdateJob.objects.get(pk=job.pk).reason == "other_board")
    assert not Release.objects.get(pk=release.pk).paused
