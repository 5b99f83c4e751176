"""POST /devices/{id}/treat and the ledger."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db import transaction

from core.times import now
from devices.models import Device
from pets.models import Pet
from tools.testing import Api, Collar, new_key, one_waits_for_a_lock, side_by_side, wait_for
from treats.models import TreatEvent
from treats.services.ledger import expire_overdue

Starter = Callable[..., Collar]


def order(
    api: Api, device: dict[str, Any], key: str | None = None, wait: int | None = None, **body: Any
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    if wait is not None:
        headers["Prefer"] = f"wait={wait}"
    return api.post(f"/devices/{device['id']}/treat", json=body, headers=headers)


def test_it_answers_200_once_the_collar_has_dispensed(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    answer = order(alice, device)
    event = answer.json()
    assert (answer.status_code, event["result"], event["source"], event["portion"]) == (
        200,
        "dispensed",
        "api",
        1,
    )
    assert event["delivered_at"] <= event["settled_at"]
    assert event["triggered_by"] == str(alice.user.pk)
    assert collar.received("treat")[0].keys() == {"v", "id", "portion", "exp"}
    assert alice.get(f"/devices/{device['id']}/treats").json()["results"] == [event]
    assert alice.get(f"/devices/{device['id']}/treats/{event['id']}").json() == event


@pytest.mark.parametrize(("said", "kept"), [("jammed", "jammed"), ("empty", "empty"), ("unsupported", "failed")])
def test_it_tells_what_went_wrong(alice: Api, collar_of: Starter, said: str, kept: str) -> None:
    device = alice.new_device()
    collar_of(alice, device, answers=(said,))
    answer = order(alice, device)
    assert (answer.status_code, answer.json()["result"]) == (200, kept)


def test_it_answers_202_while_the_collar_is_silent(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar_of(alice, device, answers=("accepted",))
    answer = order(alice, device, wait=0)
    assert (answer.status_code, answer.json()["result"]) == (202, "pending")
    reached = f"/devices/{device['id']}/treats/{answer.json()['id']}"
    assert wait_for(lambda: alice.get(reached).json()["delivered_at"])


def test_an_offline_collar_is_409_and_in_the_ledger(alice: Api) -> None:
    device = alice.new_device()
    answer = order(alice, device, key="k")
    assert (answer.status_code, answer.json()["code"]) == (409, "offline")
    (event,) = alice.get(f"/devices/{device['id']}/treats").json()["results"]
    assert event["result"] == "offline"


def test_a_refusal_does_not_use_the_key_up(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    assert order(alice, device, key="again").status_code == 409
    collar_of(alice, device)
    assert order(alice, device, key="again").json()["result"] == "dispensed"


def test_a_second_treat_while_one_is_pending_is_too_soon(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar_of(alice, device, answers=())
    order(alice, device, wait=0)
    answer = order(alice, device, wait=0)
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (
        429,
        "too_soon",
        "1",
    )


def test_one_that_was_ordered_before_the_clock_was_set_back_is_in_nobodys_way(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device, answers=())
    stuck = order(alice, device, wait=0).json()["id"]
    TreatEvent.objects.filter(pk=stuck).update(expires_at=now() + timedelta(days=300))
    collar.answers = ("dispensed",)
    assert order(alice, device).json()["result"] == "dispensed"
    assert TreatEvent.objects.get(pk=stuck).result == "expired"


def test_a_spent_budget_is_429_until_the_pets_midnight(alice: Api, collar_of: Starter) -> None:
    pet = alice.new_pet(treats_per_day=3, time_zone="Asia/Kathmandu")
    device = alice.new_device(pet=pet["id"])
    collar_of(alice, device)
    assert order(alice, device, portion=2).status_code == 200
    answer = order(alice, device, portion=2)
    assert (answer.status_code, answer.json()["code"]) == (429, "budget_spent")
    assert 0 < int(answer.headers["Retry-After"]) <= 86_400
    assert order(alice, device, portion=1).status_code == 200


def test_a_treat_and_a_pets_new_time_zone_wait_for_one_another_in_turn(alice: Api) -> None:
    pet = alice.new_pet(treats_per_day=3)
    device = alice.new_device(pet=pet["id"])
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Device.objects.select_for_update(no_key=True).get(pk=device["id"])  # as an order begins
        moved = pool.submit(alice.patch, f"/pets/{pet['id']}", json={"time_zone": "Asia/Kathmandu"})
        wait_for(one_waits_for_a_lock)
        Pet.objects.select_for_update(no_key=True).get(pk=pet["id"])
    assert moved.result().status_code == 200
    assert alice.get(f"/devices/{device['id']}").json()["config"]["time_zone"] == "Asia/Kathmandu"


def test_a_failed_treat_gives_its_portion_back(alice: Api, collar_of: Starter) -> None:
    pet = alice.new_pet(treats_per_day=1)
    device = alice.new_device(pet=pet["id"])
    collar = collar_of(alice, device, answers=("jammed",))
    assert order(alice, device).json()["result"] == "jammed"
    collar.answers = ("dispensed",)
    assert order(alice, device).json()["result"] == "dispensed"


def test_twenty_at_once_with_one_left_turn_the_motor_once(alice: Api, collar_of: Starter) -> None:
    pet = alice.new_pet(treats_per_day=1)
    device = alice.new_device(pet=pet["id"])
    collar = collar_of(alice, device)
    answers = side_by_side(20, lambda: order(alice, device))
    assert sorted(answer.status_code for answer in answers) == [200] + [429] * 19
    assert len(collar.received("treat")) == 1


def test_the_same_key_twenty_times_at_once_is_one_event(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    key = new_key()
    answers = side_by_side(20, lambda: order(alice, device, key=key))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(collar.received("treat")) == 1


def test_a_key_with_another_body_is_refused_before_anything_else(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar_of(alice, device)
    assert order(alice, device, key="k", portion=1).status_code == 200
    assert order(alice, device, key="k").status_code == 200
    alice.delete(f"/devices/{device['id']}")
    assert order(alice, device, key="k", portion=2).json()["code"] == "key_reused"
    assert order(alice, device, key="k", portion=1).json()["result"] == "dispensed"
    assert order(alice, device, key="new").json()["code"] == "retired"


def test_late_food_wins_over_expired(alice: Api, collar_of: Starter, settings: Any) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device, answers=())
    treat = order(alice, device, wait=0).json()["id"]
    expire_now(treat)
    path = f"/devices/{device['id']}/treats/{treat}"
    assert alice.get(path).json()["result"] == "expired"
    collar.answer(treat, "jammed")
    collar.answer(treat, "dispensed")
    wait_for(lambda: alice.get(path).json()["result"] == "dispensed")


def expire_now(treat_id: str) -> None:
    from core.times import now
    from treats.models import TreatEvent

    TreatEvent.objects.filter(pk=treat_id).update(expires_at=now())
    assert expire_overdue() >= 1


def test_a_settled_treat_is_moved_by_no_later_answer(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    event = order(alice, device).json()
    for result in ("jammed", "expired", "accepted", "dispensed"):
        collar.answer(event["id"], result, treats_left=7)
    wait_for(lambda: alice.get(f"/devices/{device['id']}/status").json()["treats_left"] == 7)
    assert alice.get(f"/devices/{device['id']}/treats/{event['id']}").json() == event


def test_another_collar_cannot_settle_it(alice: Api, collar_of: Starter) -> None:
    first, second = alice.new_device(), alice.new_device()
    collar_of(alice, first, answers=())
    stranger = collar_of(alice, second)
    treat = order(alice, first, wait=0).json()["id"]
    stranger.answer(treat, "dispensed", treats_left=3)
    wait_for(lambda: alice.get(f"/devices/{second['id']}/status").json()["treats_left"] == 3)
    assert alice.get(f"/devices/{first['id']}/treats/{treat}").json()["result"] == "pending"


def test_staff_treats_are_in_the_ledger_as_staff(alice: Api, charlie: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar_of(alice, device)
    assert order(charlie, device).json()["source"] == "staff"


def test_a_stranger_finds_nothing(alice: Api, bob: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    unknown = {"id": str(uuid4())}
    assert order(bob, device).status_code == 404
    assert order(bob, device).json() == order(bob, unknown).json()
    assert bob.get(f"/devices/{device['id']}/treats").status_code == 404


def test_nobody_is_asked_to_sign_in(alice: Api, anonymous: httpx.Client) -> None:
    answer = anonymous.post(f"/devices/{alice.new_device()['id']}/treat", json={})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "body",
    [
        b'{"portion": 0}',
        b'{"portion": 6}',
        b'{"portion": "x"}',
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"portion": NaN}',
    ],
)
def test_bad_bodies_are_400(alice: Api, body: bytes) -> None:
    device = alice.new_device()
    answer = alice.post(f"/devices/{device['id']}/treat", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert {"code", "detail", "errors"} <= answer.json().keys()


def test_a_key_of_201_characters_is_400(alice: Api) -> None:
    assert order(alice, alice.new_device(), key="k" * 201).status_code == 400


def test_a_collar_that_takes_a_treat_for_too_old_is_told_the_time(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device, answers=("expired",))
    before = len(wait_for(lambda: collar.received("time")))
    assert order(alice, device).json()["result"] == "expired"
    wait_for(lambda: len(collar.received("time")) > before)
