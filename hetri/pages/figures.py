"""The day's figures of a collar, read from the rollups."""

from datetime import datetime

from devices.models import Device, TreatEvent
from devices.services.budget import budget_left
from hetri.core.times import day_bounds, now
from hetri.pages.presenters import Card, card_of, strip, zone_of
from telemetry.models import Rollup
from telemetry.services.rollups import FIVE_MINUTES


def card_with_day(device: Device) -> Card:
    """A card with what happened since the pet's midnight, as far as its owner had the collar."""
    at = now()
    midnight, _ = day_bounds(at, zone_of(device))
    since = max(midnight, device.owned_since) if device.owned_since else midnight
    rows = Rollup.objects.filter(device=device, width=FIVE_MINUTES, start__gte=since)
    buckets: list[tuple[datetime, int]] = list(rows.order_by("start").values_list("start", "active_s"))
    treats = TreatEvent.objects.filter(device=device)
    if device.owned_since:
        treats = treats.filter(event_time__gte=device.owned_since)
    return card_of(
        device,
        active_s=sum(active_s for _, active_s in buckets),
        bars=strip(buckets, midnight),
        last_treat=treats.order_by("-pk").first(),
        left=budget_left(device.pet, at) if device.pet else None,
    )
