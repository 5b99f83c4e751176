"""Releases and their rollouts: who may, in which order, to how many, and when it stops by itself."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
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
from tools.testing import Api, Collar, one_waits_for_a_lock, wait_for


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


@pytest.fixture
def release(key: rsa.RSAPrivateKey, live_db: None) -> Iterator[Release]:
    """Published, rolled out to nobody, with a version of its own."""
    with published(key) as made:
        yield made


@pytest.fixture
def newer(key: rsa.RSAPrivateKey, live_db: None) -> Iterator[Release]:
    """As `release`, made after it."""
    with published(key, "1.2") as made:
        yield made


@contextmanager
def published(key: rsa.RSAPrivateKey, line: str = "1.1") -> Iterator[Release]:
    """Withdrawn in the end, so that no other test's collar is offered it."""
    made = releases.add(packed=pack(version=f"{line}.{uuid4().int % 1_000_000}", board=BOARD, key=key))
    rollouts.publish(release=made)
    yield made
    with suppress(Conflict):
        rollouts.withdraw(release=made)


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
    places = [rollouts.place(release.pk, uuid4()) for _ in range(2_000)]
    assert 0.08 < sum(place < 10 for place in places) / 2_000 < 0.12
    device = uuid4()
    assert rollouts.place(release.pk, device) == rollouts.place(release.pk, device)


def test_rolling_out_to_all_gives_each_collar_one_job(release: Release, collar: Collar) -> None:
    rollouts.roll_out(release=release, percent=100)
    assert rollouts.roll_out(release=release, percent=100) == 0
    assert UpdateJob.objects.filter(release=release, device=collar.id).count() == 1


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


def orders(collar: Collar, release: Release) -> list[str]:
    """The jobs of that release that the collar heard of."""
    return [told["job"] for told in collar.received("update") if told.get("version") == release.version]


def roll_out(release: Release, collar: Collar) -> UpdateJob:
    rollouts.roll_out(release=release, percent=100)
    wait_for(lambda: orders(collar, release))
    return UpdateJob.objects.filter(release=release, device=collar.id).latest("id")


def test_a_collar_that_is_made_after_a_rollout_gets_it(
    release: Release, alice: Api, collar_of: Callable[..., Collar]
) -> None:
    rollouts.roll_out(release=release, percent=100)
    late = collar_of(alice, alice.new_device())
    wait_for(lambda: orders(late, release))


def test_a_collar_that_runs_what_it_should_is_left_alone(release: Release, alice: Api) -> None:
    rollouts.roll_out(release=release, percent=100)
    device = alice.new_device()
    late = Collar(device["mqtt"]).start(firmware=release.version)
    wait_for(lambda: Device.objects.get(pk=device["id"]).firmware_version == release.version)
    late.stop()
    assert not UpdateJob.objects.filter(device=device["id"]).exists()


def test_an_update_that_failed_is_tried_once_more_by_itself_and_again_by_hand(release: Release, collar: Collar) -> None:
    Release.objects.filter(pk=release.pk).update(fail_percent=100)
    for tries in (1, 2, 3):
        if tries == 1:
            roll_out(release, collar)
        elif tries == 2:
            collar.say_online()
        else:
            collar.say_online(treats_left=5)
            wait_for(lambda: Device.objects.get(pk=collar.id).reported.get("treats_left") == 5)
            assert len(orders(collar, release)) == 2
            rollouts.retry(release=release)
        wait_for(lambda n=tries: len(orders(collar, release)) == n)
        job = UpdateJob.objects.get(pk=orders(collar, release)[-1])
        say(collar, job, "failed", reason="download_failed")
        wait_for(lambda pk=job.pk: UpdateJob.objects.get(pk=pk).state == "failed")


@pytest.mark.parametrize(("state", "reason"), [("rolled_back", "not_confirmed"), ("failed", "older")])
def test_what_a_second_try_would_not_change_is_left_to_people(
    release: Release, collar: Collar, state: str, reason: str
) -> None:
    say(collar, roll_out(release, collar), state, reason=reason)
    wait_for(lambda: UpdateJob.objects.filter(device=collar.id, state=state).exists())
    collar.say_online(treats_left=5)
    wait_for(lambda: Device.objects.get(pk=collar.id).reported.get("treats_left") == 5)
    assert len(orders(collar, release)) == 1


def test_a_collar_that_was_busy_follows_when_its_update_has_ended(
    release: Release, newer: Release, collar: Collar
) -> None:
    busy = roll_out(release, collar)
    say(collar, busy, "downloading")
    wait_for(lambda: job_of(release, collar.id).state == "downloading")
    rollouts.roll_out(release=newer, percent=100)
    assert orders(collar, newer) == []
    say(collar, busy, "failed", reason="download_failed")
    wait_for(lambda: orders(collar, newer))


def test_what_a_withdrawn_release_superseded_is_wanted_again(release: Release, newer: Release, collar: Collar) -> None:
    roll_out(release, collar)
    roll_out(newer, collar)
    assert job_of(release, collar.id).reason == "superseded"
    rollouts.withdraw(release=newer)
    collar.say_online()
    wait_for(lambda: len(orders(collar, release)) == 2)


def test_a_retired_collar_has_no_update_before_it(release: Release, alice: Api, collar: Collar) -> None:
    roll_out(release, collar)
    assert alice.delete(f"/devices/{collar.id}").status_code == 204
    wait_for(lambda: job_of(release, collar.id).reason == "retired")


def test_a_smaller_share_than_before_is_refused_and_says_so(release: Release) -> None:
    rollouts.roll_out(release=release, percent=50)
    with pytest.raises(Conflict) as refused:
        rollouts.roll_out(release=release, percent=10)
    assert (refused.value.code, "50 %" in str(refused.value.detail)) == ("further_already", True)


def test_a_rollout_and_a_failed_update_wait_for_one_another_in_turn(release: Release, collar: Collar) -> None:
    job = only_for(release, collar.id)
    with ThreadPoolExecutor(1) as pool, atomic():
        Release.objects.select_for_update().get(pk=release.pk)  # as a rollout begins
        told = pool.submit(say, collar, job, "failed", reason="changed_file")
        wait_for(one_waits_for_a_lock)
        UpdateJob.objects.select_for_update(nowait=True).get(pk=job.pk)
    told.result()
    wait_for(lambda: Release.objects.get(pk=release.pk).paused)
