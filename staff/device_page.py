"""One collar on one screen: what every room knows of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.ids import floor_key, to_ms
from core.redaction import masked
from core.runs import runs_of
from core.times import iso, now
from devices.models import Assignment, Device
from firmware.models import FAILED, OWN_REASONS, UpdateJob
from staff.models import AuditLine
from streaming.models import StreamSession
from telemetry.const import FIVE_MINUTES
from telemetry.models import RejectedMessage, Rollup, Sample
from treats.models import TreatEvent

ROWS = 10
AUDIT_ROWS = 20
CHART_H = 24

SLOTS = CHART_H * 3600 // FIVE_MINUTES
HATCHED_FROM = 2  # empty slots in a row that are a gap: the newest bucket is computed a moment later
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Need:
    """What is wrong in a sentence, and the action that mends it (its name in ACTIONS, or nothing)."""

    sentence: str
    mend: str = ""


@dataclass(frozen=True)
class Chart:
    """Columns of five minutes: x from 0 to 288, height from 0 to 100 by active seconds. `gaps` are (x, width)."""

    columns: list[dict[str, Any]]
    gaps: list[tuple[int, int]]


def needs(device: Device, at: datetime) -> list[Need]:
    """Everything that somebody should look at, the gravest first."""
    asked = (
        _suspension(device, at),
        _silence(device, at),
        _config(device, at),
        _treat(device),
        _update(device),
        _refused(device, at),
    )
    return [need for need in asked if need is not None]


def _suspension(device: Device, at: datetime) -> Need | None:
    until = device.suspended_until
    if until is None or until < at - DAY:
        return None
    when = f"is kept out until {iso(until)}" if until > at else f"was kept out until {iso(until)}"
    return Need(f"It sent too much and {when}: {device.suspended_for}.")


def _silence(device: Device, at: datetime) -> Need | None:
    if device.retired_at is None and device.last_seen and device.presence(at) == Device.Status.OFFLINE:
        return Need(f"Silent since {iso(device.last_seen)}.")
    return None


def _config(device: Device, at: datetime) -> Need | None:
    if not Device.objects.filter(pk=device.pk).config_waiting().exists():
        return None
    told = AuditLine.objects.filter(device_id=device.pk, subject="device", changes__has_key="config")
    changed = told.order_by("-id").values_list("at", flat=True).first()
    waits = f" for {_span(at - changed)}" if changed else ""
    return Need(f"Config {device.config_version} is not applied{waits}.", "send_config")


def _span(length: timedelta) -> str:
    minutes = int(length.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _treat(device: Device) -> Need | None:
    last = TreatEvent.objects.filter(device=device).order_by("-pk").first()
    if last is None or last.result not in (TreatEvent.Result.JAMMED, TreatEvent.Result.EMPTY):
        return None
    return Need(f"The last treat: {last.result}.")


def _update(device: Device) -> Need | None:
    last = UpdateJob.objects.filter(device=device).with_release().order_by("-pk").first()
    failed = UpdateJob.objects.filter(FAILED, device=device).exclude(reason__in=OWN_REASONS)
    if last is None or not failed.filter(pk=last.pk).exists():
        return None
    why = f": {last.reason}" if last.reason else ""
    return Need(f"The update to {last.release.version} {UpdateJob.State(last.state).label.lower()}{why}.")


def _refused(device: Device, at: datetime) -> Need | None:
    refused = RejectedMessage.objects.filter(device=device, id__gte=floor_key(to_ms(at - DAY)))
    newest = refused.order_by("-pk").first()
    if newest is None:
        return None
    return Need(f"Messages were rejected in the last 24 h, the newest for: {newest.reason}")


def chart(device: Device, at: datetime) -> Chart:
    """The last 24 h out of the rollups. Silence is a gap from when the collar was made, or from its first sample."""
    since = at - timedelta(hours=CHART_H)
    rows = Rollup.objects.filter(device=device, width=FIVE_MINUTES, start__gte=since).order_by("start")
    columns: list[dict[str, Any]] = []
    for start, active_s, count in rows.values_list("start", "active_s", "count"):
        height = max(2.0, min(100.0, 100 * active_s / FIVE_MINUTES))
        title = f"{iso(start)}: {count} samples, {active_s} s active"
        columns.append({"x": _slot(start, since), "y": 100 - height, "height": height, "title": title})
    known = min([_slot(device.created_at, since), *(column["x"] for column in columns[:1])])
    return Chart(columns, _gaps({column["x"] for column in columns}, max(0, known), device))


def _slot(moment: datetime, since: datetime) -> int:
    return int((moment - since).total_seconds() // FIVE_MINUTES)


def _gaps(filled: set[int], first: int, device: Device) -> list[tuple[int, int]]:
    if device.last_seen is None and not filled:
        return []
    empty = [slot for slot in range(first, SLOTS) if slot not in filled]
    return [(run[0], len(run)) for run in runs_of(empty) if len(run) >= HATCHED_FROM]


def changes_of(line: AuditLine) -> list[tuple[str, str, str]]:
    """`(field, before, after)`; of a personal or secret field the name only."""
    return [
        (name, *("" if value is None else str(value) for value in values)) if values else (name, "", "changed")
        for name, values in sorted(line.changes.items())
    ]


def claim_of(device: Device) -> str:
    """Whether somebody can still claim it."""
    if device.claim_code_hash is None:
        return "no code is open"
    return f"a code is open until {iso(device.claim_expires_at)}" if device.claim_expires_at else "a code is open"


def screen(device: Device) -> dict[str, Any]:
    """The context of the page. Samples are bounded by key to two days."""
    at = now()
    samples = Sample.objects.filter(device=device, id__gte=floor_key(to_ms(at - 2 * DAY)))
    audit = AuditLine.objects.filter(device_id=device.pk).order_by("-pk")[:AUDIT_ROWS]
    return {
        "device": device,
        "presence": device.presence(at),
        "battery": (device.latest or {}).get("battery_level"),
        "owner": masked(device.owner.email) if device.owner else "nobody",
        "claim": claim_of(device),
        "reported": {key: value for key, value in device.reported.items() if key != "ip"},  # where the owner lives
        "needs": needs(device, at),
        "chart": chart(device, at),
        "samples": list(samples.order_by("-ts")[:ROWS]),
        "treats": list(TreatEvent.objects.filter(device=device).order_by("-pk")[:ROWS]),
        "rejected": list(RejectedMessage.objects.filter(device=device).order_by("-pk")[:ROWS]),
        "streams": list(StreamSession.objects.filter(device=device).order_by("-pk")[:ROWS]),
        "updates": list(UpdateJob.objects.filter(device=device).with_release().order_by("-pk")[:ROWS]),
        "had": [
            (masked(had.owner.email), had.pet, had.started_at, had.ended_at)
            for had in Assignment.objects.filter(device=device).select_related("owner", "pet").order_by("-pk")[:ROWS]
        ],
        "audit": [(line, changes_of(line)) for line in audit],
    }
