"""What the pages say of a collar: its card, what needs its owner first, the ledger. Plain facts in, words out."""
# ruff: noqa: RUF001  (people read typographic apostrophes and minus signs)

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.roles import may_name
from devices.const import BATTERY_LOW
from devices.models import Device
from devices.presenters import status_resource
from devices.selectors import EVERYTHING, Windows
from devices.services.claims import handover_until
from pages.formatting import NBSP, listed, percent, portions, sentences, time_tag
from pets.models import Pet
from treats.models import TreatEvent

NAMES_IN_A_SENTENCE = 3
URGENT_SAID = 2
FAILURES = frozenset({TreatEvent.Result.JAMMED, TreatEvent.Result.EMPTY, TreatEvent.Result.FAILED})
Result = TreatEvent.Result


@dataclass(frozen=True)
class Face:
    """A collar as every page names it: its pet, its presence, its charge. `battery` is in percent, or unknown."""

    device: Device
    name: str
    species: str
    zone: str
    presence: str
    last_seen: datetime | None
    battery: float | None
    picture: str = ""  # its address; empty: the drawing of the species
    handover_until: datetime | None = None  # while somebody may claim it
    windows: Windows = EVERYTHING  # what its reader may see of it

    @property
    def collar_name(self) -> str:
        """As a sentence begins: by the pet that wears it; without one, by its own name."""
        return _("{name}’s collar").format(name=self.device.pet.name) if self.device.pet else self.device.name

    @property
    def watchable(self) -> bool:
        """Whether its camera can be asked now."""
        ready = self.device.has_camera and self.presence == Device.Status.ONLINE
        return ready and self.device.config.get("camera") != "off"

    def matches(self, text: str) -> bool:
        """Whether somebody who looks for `text` means it; nothing means each."""
        names = f"{self.name}\n{self.device.name}".casefold()
        return all(word in names for word in text.casefold().split())

    @property
    def battery_low(self) -> bool:
        """Whether it has to be charged."""
        return self.battery is not None and self.battery < BATTERY_LOW

    @property
    def charge(self) -> int:
        """The arc of the ring, 0 to 100."""
        return round(min(100.0, max(0.0, self.battery or 0)))

    @property
    def battery_words(self) -> str:
        """`82 %`; below 20 it says what to do."""
        if self.battery is None:
            return _("No reading yet")
        if self.battery_low:
            return _("{level}, charge it").format(level=percent(self.battery))
        return percent(self.battery)

    @property
    def presence_word(self) -> str:
        """The bold word."""
        words = {"online": _("Online"), "offline": _("Offline"), "retired": _("Retired")}
        return words.get(self.presence, _("Never seen"))

    @property
    def presence_since(self) -> SafeString:
        """The words after it: `20 s ago`, `since 11:06`, or none."""
        if self.presence == Device.Status.ONLINE:
            return time_tag(self.last_seen, self.zone, "ago")
        if self.presence == Device.Status.OFFLINE and self.last_seen:
            return format_html(_("since {time}"), time=time_tag(self.last_seen, self.zone))
        return SafeString("")

    @property
    def said(self) -> str:
        """What a screen reader is told when it changes."""
        words = {"online": _("{name} is online."), "offline": _("{name} is offline.")}
        return words.get(self.presence, "").format(name=self.name)


@dataclass(frozen=True)
class PetFace:
    """A pet as its ring shows it. `battery` is that of the collar worn, in percent, or unknown."""

    name: str
    species: str
    presence: str
    battery: float | None
    picture: str

    @property
    def battery_low(self) -> bool:
        """Whether its collar has to be charged."""
        return self.battery is not None and self.battery < BATTERY_LOW

    @property
    def charge(self) -> int:
        """The arc of the ring, 0 to 100."""
        return round(min(100.0, max(0.0, self.battery or 0)))


def face_of(device: Device, windows: Windows = EVERYTHING) -> Face:
    """People call a collar by its pet; without one, by its own name."""
    facts = status_resource(device)
    pet = device.pet
    return Face(
        device=device,
        name=pet.name if pet else device.name,
        species=pet.species if pet else "other",
        zone=zone_of(device),
        presence=device.presence(),
        last_seen=device.last_seen,
        battery=facts["battery_level"],
        picture=picture_of(pet),
        handover_until=handover_until(device),
        windows=windows,
    )


def zone_of(device: Device) -> str:
    """The time zone in which people read a collar's times: its pet's."""
    return device.pet.time_zone if device.pet else str(device.config.get("time_zone", "UTC"))


def face_of_pet(pet: Pet, collar: Device | None) -> PetFace:
    """A pet on its own page, in the ring of the collar that it wears now, if any."""
    return PetFace(
        name=pet.name,
        species=pet.species,
        presence=collar.presence() if collar else "",
        battery=status_resource(collar)["battery_level"] if collar else None,
        picture=picture_of(pet),
    )


def picture_of(pet: Pet | None) -> str:
    """The address of a pet's picture; empty without one."""
    if pet is None or not pet.picture_digest:
        return ""
    return reverse("pet_picture", args=[pet.pk, pet.picture_digest])


def offline_note(face: Face) -> SafeString:
    """In place of the buttons: what is the matter, and the way out."""
    if face.presence == Device.Status.NEVER_SEEN:
        words = _("{collar} has not connected yet. Charge it and switch it on within reach of your Wi-Fi.")
        return format_html(words, collar=face.collar_name)
    if face.battery_low and face.battery is not None:
        level = percent(face.battery)
        first = format_html(_("{collar} went quiet with {level} left."), collar=face.collar_name, level=level)
        return sentences([first, _("Charge it; what it recorded meanwhile arrives by itself.")])
    words = _("{collar} has been offline since {time}. Treats work again when it is back.")
    return format_html(words, collar=face.collar_name, time=time_tag(face.last_seen, face.zone))


def home_sentence(faces: Sequence[Face], troubles: Mapping[UUID, TreatEvent] | None = None) -> tuple[SafeString, str]:
    """The h1: what needs you (ink), then the rest (grey). `troubles`: treats that came to nothing just now, by collar.

    Two sentences at most say what needs you: the gravest in full, then how many more there are.
    """
    needs = [(face, _need(face, (troubles or {}).get(face.device.pk))) for face in faces]
    fine = [face.name for face, need in needs if need is None]
    urgent = sorted((need for _face, need in needs if need is not None), key=lambda need: need.rank)
    told = [need.words for need in urgent]
    if len(urgent) > URGENT_SAID:
        first = [need for need in urgent if need.rank == urgent[0].rank]
        told = [_together(first), _more(len(urgent) - len(first))]
    return sentences([words for words in told if words]), _fine(fine, others=bool(urgent))


@dataclass(frozen=True)
class Need:
    """What is wrong with a collar, in a sentence; the lower its rank, the sooner it is said."""

    rank: int
    name: str
    words: SafeString | str


def _need(face: Face, trouble: TreatEvent | None = None) -> Need | None:
    if trouble is not None:
        return Need(0, face.name, _trouble(face, trouble))
    if face.presence == Device.Status.OFFLINE and face.last_seen:
        since = time_tag(face.last_seen, face.zone)
        return Need(1, face.name, format_html(_("{name} has been offline since {time}."), name=face.name, time=since))
    if face.battery_low and face.battery is not None and face.presence == Device.Status.ONLINE:
        words = _("{collar} has {level} left. Charge it tonight.")
        level = percent(face.battery)
        return Need(2, face.name, format_html(words, collar=face.collar_name, level=level))
    if face.presence != Device.Status.ONLINE:
        return Need(3, face.name, format_html(_("{collar} has not connected yet."), collar=face.collar_name))
    return None


def _trouble(face: Face, event: TreatEvent) -> str:
    """Of a treat that came to nothing."""
    words = {
        Result.JAMMED: _("{name}’s dispenser is jammed."),
        Result.EMPTY: _("{name}’s dispenser is empty."),
        Result.EXPIRED: _("{name}’s collar did not answer."),
    }
    return words.get(Result(event.result), _("{name}’s treat failed.")).format(name=face.name)


def _together(needs: Sequence[Need]) -> SafeString | str:
    """The same fact of several, said once."""
    if len(needs) == 1 or needs[0].rank == 0:
        return needs[0].words
    names = [need.name for need in needs]
    if len(names) > NAMES_IN_A_SENTENCE:
        words = (_("{n} are offline."), _("{n} have a low battery."), _("{n} have not connected yet."))
        return words[needs[0].rank - 1].format(n=len(names))
    words = (_("{names} are offline."), _("{names} have a low battery."), _("{names} have not connected yet."))
    return words[needs[0].rank - 1].format(names=listed(names))


def _more(count: int) -> str:
    return ngettext("{n} more needs you.", "{n} more need you.", count).format(n=count) if count else ""


def _fine(names: list[str], *, others: bool) -> str:
    if len(names) > NAMES_IN_A_SENTENCE:
        words = _("The other {n} are online.") if others else _("All {n} are online.")
        return words.format(n=len(names))
    if not names:
        return ""
    return ngettext("{names} is online.", "{names} are online.", len(names)).format(names=listed(names))


@dataclass(frozen=True)
class LedgerRow:
    """What happened `at` a moment: `word` in bold, `detail` beneath, `bad` when it needs somebody."""

    at: datetime
    icon: str
    word: str
    detail: SafeString | str
    zone: str
    bad: bool = False


def ledger_row(event: TreatEvent, viewer: User, zone: str, pet: str = "") -> LedgerRow:
    """One line of a ledger; `pet` is said where several share it."""
    bad = event.result in FAILURES
    icon = "warn" if bad else "bone" if event.result == Result.DISPENSED else "clock"
    if event.result == Result.OFFLINE:
        icon = "unknown"
    detail = ", ".join(filter(None, [pet, portions(event.portion), _hand(event, viewer)]))
    word = (treat_word if pet else result_word)(event)
    return LedgerRow(event.event_time, icon, word, detail, zone, bad=bad)


def result_word(event: TreatEvent) -> str:
    """`Dispensed`."""
    words = {
        Result.PENDING: _("On its way"),
        Result.DISPENSED: _("Dispensed"),
        Result.JAMMED: _("Jammed"),
        Result.EMPTY: _("Empty"),
        Result.EXPIRED: _("Expired"),
        Result.FAILED: _("Failed"),
        Result.OFFLINE: _("Not sent, offline"),
    }
    return words[Result(event.result)]


def treat_word(event: TreatEvent) -> str:
    """`Treat dispensed`: where other things are listed, too."""
    words = {
        Result.PENDING: _("Treat on its way"),
        Result.DISPENSED: _("Treat dispensed"),
        Result.JAMMED: _("Treat jammed"),
        Result.EMPTY: _("Dispenser empty"),
        Result.EXPIRED: _("Treat expired"),
        Result.FAILED: _("Treat failed"),
        Result.OFFLINE: _("Treat not sent, offline"),
    }
    return words[Result(event.result)]


def _hand(event: TreatEvent, viewer: User) -> str:
    if event.source == TreatEvent.Source.API:
        return _("by the API")
    if event.triggered_by_id == viewer.pk:
        return _("by you")
    if event.source == TreatEvent.Source.STAFF:
        return _("by Hetri’s staff")
    if event.triggered_by is None:
        return _("by a former owner")
    if not may_name(viewer, event.triggered_by):
        return _("by an owner")
    return _("by {name}").format(name=event.triggered_by.name)


@dataclass(frozen=True)
class Camera:
    """What stands in the player while nothing plays; `way` out is watch, settings, check or nothing."""

    icon: str
    title: SafeString | str
    detail: str
    bar: str
    way: str = ""


def camera_of(face: Face, *, is_on: bool = False) -> Camera:
    """Why there is no picture, and the way out. `is_on`: it streams, for others or for a moment still."""
    if face.presence == Device.Status.RETIRED:
        return Camera("camera", _("This collar is retired"), _("Its camera is off for good."), _("Off"))
    if face.presence != Device.Status.ONLINE:
        return _no_camera(face)
    if face.device.config.get("camera") == "off":
        way_out = _("No one can watch until you turn it on.")
        return Camera("camera_off", _("You turned this camera off"), way_out, _("Off by choice"), "settings")
    if is_on:
        soon = _("It turns off soon after the last viewer leaves.")
        return Camera("camera", _("The camera is on"), soon, _("On"), "watch")
    return Camera("camera", _("The camera is off"), _("Nobody is watching."), _("Off"), "watch")


def _no_camera(face: Face) -> Camera:
    """Of a collar that is not there, which the page's head says in full."""
    if face.presence == Device.Status.NEVER_SEEN:
        return Camera(
            "unknown", _("Never seen"), _("Live view works once the collar has connected."), _("Off"), "check"
        )
    since = format_html(_("Offline since {time}"), time=time_tag(face.last_seen, face.zone))
    return Camera("unknown", since, _("Live view works again when the collar is back."), _("Off"), "check")


@dataclass(frozen=True)
class Fact:
    """A line of "This collar"."""

    icon: str
    title: str
    detail: str


def facts(device: Device) -> list[Fact]:
    """What the collar last said of itself; what it did not say is left out."""
    told = device.reported
    every = _interval(int(device.config["telemetry_interval_s"]))
    signal = _signal(told["rssi"]) if isinstance(told.get("rssi"), int) else ""
    treats = told.get("treats_left")
    stock = ngettext("{n} treat in the dispenser", "{n} treats in the dispenser", treats or 0).format(n=treats)
    version = device.firmware_version
    dispenser = Fact("bone", _("Dispenser"), stock if isinstance(treats, int) else _("Its stock is not known yet"))
    return [
        Fact("wifi", _("Connection"), _("{signal}; {every}").format(signal=signal, every=every) if signal else every),
        *([dispenser] if device.has_dispenser else []),
        Fact("bolt", _("Firmware"), version or _("Its version is not known yet")),
        Fact("tag", _("Name of the collar"), device.name),
    ]


def _interval(seconds: int) -> str:
    if seconds == 60:
        return _("reports each minute")
    if seconds % 60 == 0:
        return _("reports every {n} min").format(n=seconds // 60)
    return _("reports every {n} s").format(n=seconds)


def _signal(dbm: int) -> str:
    quality = _("good") if dbm >= -67 else _("fair") if dbm >= -75 else _("weak")
    return _("Wi-Fi {dbm} dBm, {quality}").format(dbm=f"−{abs(dbm)}", quality=quality).replace(" dBm", f"{NBSP}dBm")
