"""How a treat moves: by the collar's answers in any order, and by the clock; never twice."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from broker.commands import Answer
from conftest import make_user
from core.errors import Conflict, NotFound, TooMany
from core.ids import uuid7
from core.times import now
from devices.models import Device, SentCommand
from devices.services.commands import route_answer
from pets.models import Pet
from treats.models import TreatEvent
from treats.services import ledger
from treats.services.ledger import expire_overdue, send_treat

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def collar(alice: User) -> Device:
    key = uuid7()
    pet = Pet.objects.create(owner=alice, name="Rex", treats_per_day=3)
    names = {"mqtt_user": str(key), "mqtt_pass_hash": "x", "name": "Rex's"}
    return Device.objects.create(pk=key, owner=alice, pet=pet, status="online", last_seen=now(), **names)


def give(collar: Device, alice: User, **order: Any) -> TreatEvent:
    """A treat on its way; nothing is published, as nothing is committed."""
    return send_treat(device=collar, by=alice, source="owner", **order)


def answer(event: TreatEvent, result: str, device: Device | None = None, at: datetime | None = None) -> TreatEvent:
    device_id = device.pk if device else event.device_id
    route_answer(Answer(device_id, event.pk, result, "", at or now()))
    return TreatEvent.objects.get(pk=event.pk)


@pytest.mark.parametrize("result", ["dispensed", "jammed", "empty", "expired", "failed"])
def test_an_answer_settles_it_and_a_second_one_changes_nothing(collar: Device, alice: User, result: str) -> None:
    settled = answer(give(collar, alice), result)
    assert (settled.result, settled.delivered_at) == (result, settled.settled_at)
    again = answer(settled, "jammed" if result != "jammed" else "empty", at=now() + timedelta(seconds=1))
    assert (again.result, again.settled_at) == (result, settled.settled_at)


def test_a_program_that_knows_no_treats_fails_it(collar: Device, alice: User) -> None:
    assert answer(give(collar, alice), "unsupported").result == "failed"


def test_that_it_arrived_is_kept_from_the_first_word_of_it(collar: Device, alice: User) -> None:
    first = now()
    event = answer(give(collar, alice), "accepted", at=first)
    assert (event.result, event.delivered_at) == ("pending", first)
    event = answer(event, "accepted", at=first + timedelta(seconds=2))
    assert answer(event, "dispensed", at=first + timedelta(seconds=3)).delivered_at == first


def test_food_that_fell_wins_over_a_clock_that_was_faster(collar: Device, alice: User) -> None:
    event = give(collar, alice)
    TreatEvent.objects.filter(pk=event.pk).update(expires_at=now())
    assert expire_overdue() >= 1
    assert expire_overdue() == 0
    assert answer(event, "jammed").result == "expired"
    assert answer(event, "dispensed").result == "dispensed"


def test_an_answer_to_what_was_never_sent_is_dropped(collar: Device, alice: User) -> None:
    event = give(collar, alice)
    SentCommand.objects.all().delete()
    assert answer(event, "dispensed").result == "pending"


def test_an_answer_goes_to_the_room_that_asked(collar: Device, alice: User) -> None:
    event = give(collar, alice)
    SentCommand.objects.filter(pk=event.pk).update(name="stream")
    assert answer(event, "dispensed").result == "pending"


def test_a_collar_that_was_handed_over_meanwhile_is_not_found(collar: Device, alice: User) -> None:
    Device.objects.filter(pk=collar.pk).update(owner=make_user("bob"))
    with pytest.raises(NotFound):
        give(collar, alice)
    assert not TreatEvent.objects.filter(device=collar).exists()


def test_one_that_is_offline_is_in_the_ledger_and_gets_no_command(collar: Device, alice: User) -> None:
    Device.objects.filter(pk=collar.pk).update(status="offline")
    collar.refresh_from_db()
    with pytest.raises(Conflict):
        give(collar, alice)
    event = TreatEvent.objects.get(device=collar)
    assert (event.result, event.settled_at is not None) == ("offline", True)
    assert not SentCommand.objects.filter(pk=event.pk).exists()


def test_the_second_of_two_waits_for_the_first(collar: Device, alice: User) -> None:
    give(collar, alice)
    with pytest.raises(TooMany) as refused:
        give(collar, alice)
    assert (refused.value.code, refused.value.retry_after) == ("too_soon", 1)


def test_a_full_day_says_how_much_is_left(collar: Device, alice: User) -> None:
    answer(give(collar, alice, portion=2), "dispensed")
    with pytest.raises(TooMany) as refused:
        give(collar, alice, portion=2)
    assert refused.value.code == "budget_spent"
    assert "1" in str(refused.value)
    assert answer(give(collar, alice, portion=1), "dispensed").result == "dispensed"


def test_a_key_that_was_used_gives_its_treat_and_refuses_another_order(collar: Device, alice: User) -> None:
    event = give(collar, alice, key="k")
    assert give(collar, alice, key="k") == event
    with pytest.raises(Conflict) as refused:
        give(collar, alice, key="k", portion=2)
    assert refused.value.code == "key_reused"
    assert ledger.Result(event.result) == "pending"
