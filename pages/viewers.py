"""Who watched and who watches, in words."""
# ruff: noqa: RUF001  (people read typographic apostrophes)

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import may_name
from pages.formatting import brief, listed
from pages.presenters import LedgerRow
from streaming.models import Viewing

PAUSE = timedelta(minutes=2)


@dataclass(frozen=True)
class ViewerRow:
    """Somebody who watched: who, how and for how long, from when. `now` while it goes on."""

    who: str
    how: str
    since: datetime | None
    now: bool


@dataclass(frozen=True)
class Sitting:
    """Viewings of one person that followed each other within PAUSE: paused, or watched in another way meanwhile."""

    newest: Viewing
    oldest: Viewing
    watched: timedelta

    @property
    def since(self) -> datetime:
        """From when."""
        assert self.oldest.first_seen is not None
        return self.oldest.first_seen

    @property
    def key(self) -> tuple[object, ...]:
        """Who watched what, and how."""
        viewing = self.newest
        return viewing.stream.device_id, viewing.viewer_id, viewing.grant_id, viewing.source

    def with_older(self, older: "Sitting") -> "Sitting":
        """Both as one."""
        return Sitting(self.newest, older.oldest, self.watched + older.watched)


def sittings(found: Iterable[Viewing]) -> list[Sitting]:
    """Viewings that were seen, newest first, as people remember them."""
    told: list[Sitting] = []
    open_ones: dict[tuple[object, ...], int] = {}
    for viewing in found:
        if viewing.first_seen is None or viewing.last_seen is None:
            continue
        one = Sitting(viewing, viewing, viewing.last_seen - viewing.first_seen)
        index = open_ones.get(one.key)
        if index is not None and told[index].since - viewing.last_seen <= PAUSE:
            told[index] = told[index].with_older(one)
        else:
            open_ones[one.key] = len(told)
            told.append(one)
    return told


def viewer_rows(found: Iterable[Viewing], viewer: User) -> list[ViewerRow]:
    """The ledger of viewers."""
    return [_viewer_row(sitting, viewer) for sitting in sittings(found)]


def _viewer_row(sitting: Sitting, viewer: User) -> ViewerRow:
    viewing = sitting.newest
    place = _("by the API") if viewing.source == Viewing.Source.API else _("on this page")
    who = _("{who}, {place}").format(who=_who(viewing, viewer), place=place)
    return ViewerRow(who, _how_long(sitting), sitting.since, viewing.ended_at is None)


def _who(viewing: Viewing, viewer: User) -> str:
    if viewing.viewer is None:
        return _("Somebody whose account is gone")
    if viewing.grant_id is not None:
        return _("Hetri’s support")
    if viewing.viewer_id == viewer.pk:
        return _("You")
    return viewing.viewer.name if may_name(viewer, viewing.viewer) else _("An owner")


def _how_long(sitting: Sitting) -> str:
    if sitting.newest.ended_at is None:
        return _("Watching now")
    return brief(sitting.watched.total_seconds())


def watching_now(found: Iterable[Viewing], viewer: User) -> str:
    """Below the player: `Only you are watching.`; empty when nobody is."""
    watchers = list(dict.fromkeys(_who(viewing, viewer) for viewing in found))
    if not watchers:
        return ""
    if watchers == [_("You")]:
        return _("Only you are watching.")
    return _("Watching now: {names}.").format(names=listed(watchers))


def watched_row(sitting: Sitting, viewer: User, pet: str, zone: str) -> LedgerRow:
    """A sitting among a day's events."""
    viewing = sitting.newest
    mine = viewing.grant_id is None and viewing.viewer_id == viewer.pk
    words = _("You watched {pet}") if mine else _("{who} watched {pet}")
    word = words.format(who=_who(viewing, viewer), pet=pet)
    return LedgerRow(sitting.since, "eye", word, _how_long(sitting), zone)
