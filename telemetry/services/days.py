"""A pet's days, over all collars that it wore, while its owner had them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from devices.models import Assignment
from pets.models import Pet
from telemetry.const import FIVE_MINUTES

_DAYS = f"""
    SELECT (r.start AT TIME ZONE %(zone)s)::date AS day, sum(r.active_s)::bigint, count(DISTINCT r.start)
    FROM unnest(%(devices)s::uuid[], %(lows)s::timestamptz[], %(highs)s::timestamptz[]) AS w(device, low, high)
    JOIN telemetry_rollup r ON r.device_id = w.device AND r.width = {FIVE_MINUTES}
     AND r.start >= w.low AND r.start + interval '{FIVE_MINUTES} seconds' <= w.high
    GROUP BY 1
"""


@dataclass(frozen=True)
class PetDay:
    """A calendar day of a pet: active seconds, and how many slots of 5 minutes have samples."""

    day: date
    active_s: int
    slots: int


def days_of_pet(*, pet: Pet, start: datetime, end: datetime) -> dict[date, PetDay]:
    """Days of [start, end) that have samples, in the pet's zone.

    A slot that an edge of somebody's time cuts is left out: half of it is not this owner's.
    """
    worn = Assignment.objects.filter(pet=pet, owner=pet.owner)
    worn = worn.filter(Q(started_at=None) | Q(started_at__lt=end), Q(ended_at=None) | Q(ended_at__gt=start))
    spans = list(worn.values_list("device_id", "started_at", "ended_at"))
    last = end + timedelta(seconds=FIVE_MINUTES)  # the slot that runs is part of today
    values: dict[str, Any] = {
        "zone": pet.time_zone,
        "devices": [device for device, _low, _high in spans],
        "lows": [max(start, low) if low else start for _device, low, _high in spans],
        "highs": [min(last, high) if high else last for _device, _low, high in spans],
    }
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, values)
        return {day: PetDay(day, active_s, slots) for day, active_s, slots in cursor.fetchall()}
