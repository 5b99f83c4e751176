"""A collar's life through its services: made, changed, given a new password, retired, brought back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from broker.registry import registry
from conftest import make_user
from core.errors import ApiError, Conflict, Forbidden, NotFound, TooMany
from core.ids import uuid7
from core.times import now
from devices.errors import Retired
from devices.models import Assignment, BrokerTrial, Device
from devices.services import ownership
from pets.models import Pet
from tools.testing import Collar


@pytest.fixture
def alice(live_db: None) -> User:
    return make_user("alice")


@pytest.fixture
def made(alice: User) -> Device:
    return ownership.provision(name="Rex's", owner=alice)[0]


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ApiError) as refused:
        call()
    return refused.value.code


def test_it_is_usable_when_the_call_returns_and_leaves_no_trial(alice: User) -> None:
    device, credential = ownership.provision(name="Rex's", owner=alice)
    assert Collar(credential.public()).accepted()
    assert not BrokerTrial.objects.filter(ref=device.mqtt_user).exists()
    assert Assignment.objects.get(device=device).owner == alice


def test_the_same_order_twice_makes_one_collar(alice: User) -> None:
    key = uuid7()
    ownership.provision(name="One", key=key)
    assert code_of(lambda: ownership.provision(name="Two", key=key)) == "made"
    assert Device.objects.get(pk=key).name == "One"


def test_one_too_many_is_refused_and_nothing_is_kept(made: Device, alice: User, settings: Any) -> None:
    settings.DEVICES_PER_OWNER = 1
    assert code_of(lambda: ownership.provision(name="Two", owner=alice)) == "too_many"
    assert list(Device.objects.filter(owner=alice)) == [made]


def test_so_many_an_hour_may_be_made(alice: User) -> None:
    for _ in range(ownership.NEW_COLLARS.most):
        ownership.NEW_COLLARS.spend(alice.pk)
    with pytest.raises(TooMany):
        ownership.provision(name="One more", owner=alice)


def test_another_wearer_ends_one_assignment_and_begins_the_next(made: Device, alice: User) -> None:
    pet = Pet.objects.create(owner=alice, name="Rex", time_zone="Europe/Berlin")
    changed = ownership.update_device(device=made, changes={"pet": pet, "name": "New"})
    assert (changed.pet, changed.config["time_zone"]) == (pet, "Europe/Berlin")
    first, second = Assignment.objects.filter(device=made).order_by("pk")
    assert (first.pet, second.pet, first.ended_at) == (None, pet, second.started_at)
    assert changed.config_version == made.config_version + 1


def test_what_was_handed_over_since_the_caller_looked_is_not_changed(made: Device) -> None:
    Device.objects.filter(pk=made.pk).update(owner=make_user("bob"))
    with pytest.raises(NotFound):
        ownership.update_device(device=made, changes={"name": "Mine"})
    assert Device.objects.get(pk=made.pk).name == "Rex's"


def test_a_new_password_ends_the_old_one(made: Device, alice: User) -> None:
    _, old = ownership.provision(name="Two", owner=alice)
    device = Device.objects.get(pk=old.ref)
    new = ownership.rotate(device=device)
    assert Collar(new.public()).accepted()
    assert Collar(old.public()).refused()


def test_of_two_who_rotate_the_second_is_told(made: Device) -> None:
    seen = Device.objects.get(pk=made.pk)
    ownership.rotate(device=made)
    with pytest.raises(Conflict):
        ownership.rotate(device=seen)


def test_a_retired_collar_is_out_of_the_broker_and_takes_no_change(made: Device) -> None:
    ownership.retire(device=made)
    made.refresh_from_db()
    assert (made.status, registry().exists(made.mqtt_user)) == ("retired", False)
    for change in (
        lambda: ownership.retire(device=made),
        lambda: ownership.rotate(device=made),
        lambda: ownership.update_device(device=made, changes={"name": "New"}),
    ):
        with pytest.raises(Retired):
            change()


def test_it_comes_back_with_a_new_password(made: Device, alice: User) -> None:
    ownership.retire(device=made)
    made.refresh_from_db()
    credential = ownership.restore_own(device=made, by=alice)
    made.refresh_from_db()
    assert (made.status, made.retired_at) == ("never_seen", None)
    assert Collar(credential.public()).accepted()
    assert code_of(lambda: ownership.restore(device=made)) == "not_retired"


def test_only_its_last_owner_brings_it_back_and_only_for_a_month(made: Device, alice: User) -> None:
    ownership.retire(device=made)
    made.refresh_from_db()
    with pytest.raises(Forbidden):
        ownership.restore_own(device=made, by=make_user("bob"))
    made.retired_at = now() - timedelta(days=31)
    assert code_of(lambda: ownership.restore_own(device=made, by=alice)) == "too_late"
