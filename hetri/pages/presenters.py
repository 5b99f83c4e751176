"""What the pages say: sentences, words and small drawings out of plain facts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from devices.models import Device, TreatEvent
from devices.presenters import status_dict

BATTERY_LOW = 20
STRIP_BARS = 72  # of 20 minutes
RESULT_WORDS = {
    "pending": gettext_lazy("On its way"),
    "dispensed": gettext_lazy("Dispensed"),
    "jammed": gettext_lazy("Jammed"),
    "empty": gettext_lazy("Empty"),
    "expired": gettext_lazy("Expired"),
    "failed": gettext_lazy("Failed"),
    "offline": gettext_lazy("Not sent: offline"),
}
FAILURES = frozenset({"jammed", "empty", "failed"})


@dataclass(frozen=True)
class Bar:
    """A bar of the day's strip: position and height in the drawing's units."""

    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Card:
    """A collar as the home page and the head of its own page show it."""

    device: Device
    name: str
    species: str
    presence: str
    last_seen: datetime | None
    battery: float | None
    zone: str
    active_s: int = 0
    bars: tuple[Bar, ...] = ()
    last_treat: TreatEvent | None = None
    left: int | None = None

    @property
    def battery_low(self) -> bool:
        """Whether it has to be charged."""
        return self.battery is not None and self.battery < BATTERY_LOW

    @property
    def battery_percent(self) -> int:
        """For the ring and the words."""
        return round(self.battery or 0)

    @property
    def active_words(self) -> str:
        """`1 h 34 min`."""
        return duration(self.active_s)

    @property
    def offline_since(self) -> str:
        """The clock time of the last word in the pet's zone."""
        return clock(self.last_seen, self.zone)


def name_of(device: Device) -> str:
    """People call a collar by its pet."""
    return device.pet.name if device.pet else device.name


def zone_of(device: Device) -> str:
    """The pet's zone, else the collar's."""
    return device.pet.time_zone if device.pet else str(device.config.get("time_zone", "UTC"))


def card_of(device: Device, **more: object) -> Card:
    """A card out of a device; `more` are the figures of the day."""
    facts = status_dict(device)
    return Card(
        device=device,
        name=name_of(device),
        species=device.pet.species if device.pet else "other",
        presence=str(facts["status"]),
        last_seen=device.last_seen,
        battery=facts["battery_level"],
        zone=zone_of(device),
        **more,  # type: ignore[arg-type]
    )


def clock(moment: datetime | None, zone: str) -> str:
    """`14:32` in that zone; empty without a moment."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%H:%M") if moment else ""


def duration(seconds: int) -> str:
    """`1 h 34 min`, `12 min`."""
    hours, minutes = divmod(round(seconds / 60), 60)
    return _("%(h)d h %(m)d min") % {"h": hours, "m": minutes} if hours else _("%(m)d min") % {"m": minutes}


def home_sentence(cards: Sequence[Card]) -> tuple[str, str]:
    """What needs you first, and the rest: the h1 in ink and in grey."""
    urgent = [sentence for card in cards if (sentence := _problem(card))]
    fine = [card.name for card in cards if not _problem(card)]
    return " ".join(urgent), _fine(fine)


def _problem(card: Card) -> str:
    if card.presence == "offline":
        return _("%(name)s has been quiet since %(time)s.") % {"name": card.name, "time": card.offline_since}
    if card.presence == "never_seen":
        return _("%(name)s's collar has not connected yet.") % {"name": card.name}
    if card.battery_low:
        return _("%(name)s's collar has %(n)d %% left. Charge it tonight.") % {
            "name": card.name,
            "n": card.battery_percent,
        }
    return ""


def _fine(names: Sequence[str]) -> str:
    if not names:
        return ""
    joined = (
        names[0] if len(names) == 1 else _("%(some)s and %(last)s") % {"some": ", ".join(names[:-1]), "last": names[-1]}
    )
    return ngettext("%(names)s is online.", "%(names)s are online.", len(names)) % {"names": joined}


def strip(buckets: Sequence[tuple[datetime, int]], midnight: datetime) -> tuple[Bar, ...]:
    """The day's activity as bars of 20 minutes: `buckets` are (start, active seconds) of 5 minutes."""
    minutes = [0.0] * STRIP_BARS
    for start, active_s in buckets:
        slot = int((start - midnight).total_seconds() // 1200)
        if 0 <= slot < STRIP_BARS:
            minutes[slot] += active_s / 60
    heights = [max(1, round(min(20.0, value) / 20 * 40)) for value in minutes]
    seen = {int((start - midnight).total_seconds() // 1200) for start, _seconds in buckets}
    return tuple(
        Bar(x=slot * 6, y=41 - heights[slot], height=heights[slot]) for slot in sorted(seen) if 0 <= slot < STRIP_BARS
    )


def treat_sentence(event: TreatEvent | None, zone: str) -> str:
    """What the panel says of the last treat."""
    if event is None:
        return _("No treat yet.")
    words = {"time": clock(event.event_time, zone), "result": str(RESULT_WORDS[event.result]).lower()}
    return _("The last one was at %(time)s, %(result)s.") % words
