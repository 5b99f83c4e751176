"""The day's treats of a pet, counted in the pet's own time zone."""

from datetime import datetime

from django.db.models import Sum

from core.times import day_bounds
from pets.models import Pet
from treats.models import TreatEvent

# `dispensed` spends portions, `pending` holds them; every other result gives them back.
HOLDING = (TreatEvent.Result.DISPENSED, TreatEvent.Result.PENDING)


def portions_used(pet: Pet, at: datetime) -> int:
    """Portions spent or held on the pet's day that contains `at`."""
    start, end = day_bounds(at, pet.time_zone)
    events = TreatEvent.objects.filter(pet=pet, event_time__gte=start, event_time__lt=end, result__in=HOLDING)
    return events.aggregate(portions=Sum("portion"))["portions"] or 0


def budget_left(pet: Pet, at: datetime) -> int | None:
    """Portions left today, never below 0; None when the pet has no limit."""
    if pet.treats_per_day is None:
        return None
    return max(0, pet.treats_per_day - portions_used(pet, at))


def seconds_to_midnight(pet: Pet, at: datetime) -> int:
    """Seconds until the pet's next day, rounded up, 1 at least."""
    return max(1, -int((at - day_bounds(at, pet.time_zone)[1]).total_seconds() // 1))
