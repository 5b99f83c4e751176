"""The day of all collars in one list: treats, viewings, samples that came late, collars that went away."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from django.utils.html import format_html
from django.utils.translation import gettext as _

from accounts.models import User
from devices.models import Device
from pages.day_stats import Day, late_stretches
from pages.formatting import duration, percent, time_tag
from pages.presenters import Face, LedgerRow, ledger_row
from pages.viewers import sittings, watched_row
from streaming.services import viewings

SHOWN = 12


def today(faces: Sequence[Face], days: Mapping[UUID, Day], viewer: User) -> list[LedgerRow]:
    """The newest SHOWN rows, newest first."""
    rows = [row for face in faces for row in _rows(face, days[face.device.pk], viewer)]
    rows += _viewings(faces, days, viewer)
    return sorted(rows, key=lambda row: row.at, reverse=True)[:SHOWN]


def _rows(face: Face, day: Day, viewer: User) -> Iterator[LedgerRow]:
    for event in day.treats:
        yield ledger_row(event, viewer, face.zone, face.name)
    for start, length, came in late_stretches(day):
        word = _("{span} arrived late").format(span=duration(length.total_seconds()))
        words = _("{pet}, from {time}, now in the chart")
        detail = format_html(words, pet=face.name, time=time_tag(start, face.zone))
        yield LedgerRow(came, "clock", word, detail, face.zone)
    if face.presence == Device.Status.OFFLINE and face.last_seen and face.last_seen >= day.span.start:
        known = _("Battery was {level}").format(level=percent(face.battery)) if face.battery is not None else ""
        yield LedgerRow(face.last_seen, "unknown", _("{pet} went offline").format(pet=face.name), known, face.zone)


def _viewings(faces: Sequence[Face], days: Mapping[UUID, Day], viewer: User) -> Iterator[LedgerRow]:
    by_id = {face.device.pk: face for face in faces}
    newest = viewings.list_newest({face.device.pk: face.windows for face in faces}, SHOWN)
    for sitting in sittings(newest):
        face = by_id[sitting.newest.stream.device_id]
        if sitting.since >= days[face.device.pk].span.start:
            yield watched_row(sitting, viewer, face.name, face.zone)
