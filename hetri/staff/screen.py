"""One collar on one screen: what every room knows of it."""

from datetime import datetime, timedelta
from typing import Any

from devices.models import Assignment, Device, TreatEvent
from hetri.core.ids import floor_key, to_ms
from hetri.core.masks import masked
from hetri.core.times import iso, now
from hetri.staff.models import AuditLine
from telemetry.models import RejectedMessage, Rollup, Sample

ROWS = 10
AUDIT_ROWS = 20
CHART_H = 24
FIVE_MINUTES = 300  # seconds, a rollup's width


def needs(device: Device, at: datetime) -> list[tuple[str, str]]:
    """What is wrong with it in a sentence, and the action that mends it (its name in ACTIONS, or "")."""
    found = []
    if device.retired_at is None and device.last_seen and device.presence(at) == Device.Status.OFFLINE:
        found.append((f"Silent since {iso(device.last_seen)}.", ""))
    if Device.objects.filter(pk=device.pk).config_waiting().exists():
        found.append((f"Config {device.config_version} is not applied.", "send_config"))
    last = TreatEvent.objects.filter(device=device).order_by("-pk").first()
    if last is not None and last.result in (TreatEvent.Result.JAMMED, TreatEvent.Result.EMPTY):
        found.append((f"The last treat: {last.result}.", ""))
    refused = RejectedMessage.objects.filter(device=device, id__gte=floor_key(to_ms(at - timedelta(days=1))))
    newest = refused.order_by("-pk").first()
    if newest is not None:
        found.append((f"Messages were rejected in the last 24 h, the newest for: {newest.reason}", ""))
    return found


def chart(device: Device, at: datetime) -> list[dict[str, Any]]:
    """Columns of five minutes, 24 h: x from 0 to 288, height from 0 to 100 by active seconds. Gaps are empty."""
    since = at - timedelta(hours=CHART_H)
    rows = Rollup.objects.filter(device=device, width=FIVE_MINUTES, start__gte=since)
    columns = []
    for start, active_s, count in rows.values_list("start", "active_s", "count"):
        height = max(2.0, min(100.0, 100 * active_s / FIVE_MINUTES))
        x = int((start - since).total_seconds() // FIVE_MINUTES)
        columns.append({"x": x, "y": 100 - height, "height": height, "title": f"{iso(start)}: {count} samples"})
    return columns


def screen(device: Device) -> dict[str, Any]:
    """The context of the page. Samples are bounded by key to two days."""
    at = now()
    samples = Sample.objects.filter(device=device, id__gte=floor_key(to_ms(at - timedelta(days=2))))
    return {
        "device": device,
        "presence": device.presence(at),
        "battery": (device.latest or {}).get("battery_level"),
        "owner": masked(device.owner.email) if device.owner else "nobody",
        "reported": {key: value for key, value in device.reported.items() if key != "ip"},  # where the owner lives
        "needs": needs(device, at),
        "columns": chart(device, at),
        "samples": list(samples.order_by("-ts")[:ROWS]),
        "treats": list(TreatEvent.objects.filter(device=device).order_by("-pk")[:ROWS]),
        "rejected": list(RejectedMessage.objects.filter(device=device).order_by("-pk")[:ROWS]),
        "had": [
            (masked(had.owner.email), had.pet, had.started_at, had.ended_at)
            for had in Assignment.objects.filter(device=device).select_related("owner", "pet").order_by("-pk")[:ROWS]
        ],
        "audit": list(AuditLine.objects.filter(device_id=device.pk).order_by("-pk")[:AUDIT_ROWS]),
    }
