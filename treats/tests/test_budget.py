"""Days of the pet's own zone, of 23 and of 25 hours."""

from datetime import datetime

import pytest

from accounts.models import User
from core.ids import uuid7
from core.times import day_bounds
from devices.models import Device
from pets.models import Pet
from treats.models import TreatEvent
from treats.services.budget import budget_left, seconds_to_midnight

HOUR = 3600


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        ("2026-03-29T10:00:00Z", 23),  # Berlin's clocks go forward
        ("2026-10-25T10:00:00Z", 25),  # and back
        ("2026-06-01T10:00:00Z", 24),
    ],
)
def test_a_day_is_as_long_as_the_zone_says(moment: str, hours: int) -> None:
    start, end = day_bounds(at(moment), "Europe/Berlin")
    assert (end - start).total_seconds() == hours * HOUR


def test_the_wait_ends_at_the_pets_midnight() -> None:
    pet = Pet(name="Rex", time_zone="Europe/Berlin")
    assert seconds_to_midnight(pet, at("2026-10-24T22:00:00Z")) == 25 * HOUR
    assert seconds_to_midnight(pet, at("2026-03-28T23:00:00Z")) == 23 * HOUR
    assert seconds_to_midnight(pet, at("2026-06-01T21:59:59.5Z")) == 1


@pytest.mark.django_db
def test_what_was_given_in_the_25th_hour_counts_for_that_day() -> None:
    owner = User.objects.create_user("alice@example.com", None, name="Alice")
    pet = Pet.objects.create(owner=owner, name="Rex", time_zone="Europe/Berlin", treats_per_day=10)
    key = uuid7()
    device = Device.objects.create(pk=key, name="x", owner=owner, pet=pet, mqtt_user=str(key), mqtt_pass_hash="x")
    given = {
        "2026-10-24T21:59:00Z": 1,  # the evening before
        "2026-10-24T22:00:00Z": 2,  # the first minute of the long day
        "2026-10-25T22:59:00Z": 3,  # its last
        "2026-10-25T23:00:00Z": 4,  # the next day
    }
    for moment, portion in given.items():
        fixed = {"event_time": at(moment), "expires_at": at(moment), "result": "dispensed", "source": "owner"}
        TreatEvent.objects.create(device=device, pet=pet, portion=portion, **fixed)
    TreatEvent.objects.create(device=device, pet=pet, portion=5, **{**fixed, "result": "jammed"})
    assert budget_left(pet, at("2026-10-25T12:00:00Z")) == 5
    assert budget_left(pet, at("2026-10-26T12:00:00Z")) == 6
