"""Who watched and who watches, in words."""
# ruff: noqa: RUF001  (people read typographic apostrophes)

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import may_name
from pages.formatting import brief, listed
from pages.presenters import LedgerRow
from streaming.models import Viewing


@dataclass(frozen=True)
class ViewerRow:
    """Somebody who watched: who, how and for how long, from when. `now` while it goes on."""

    who: str
    how: str
    since: datetime | None
    now: bool


def viewer_rows(found: Iterable[Viewing], viewer: User) -> list[ViewerRow]:
    """The ledger of viewers."""
    return [_viewer_row(viewing, viewer) for viewing in found]


def _viewer_row(viewing: Viewing, viewer: User) -> ViewerRow:
    place = _("by the API") if viewing.source == Viewing.Source.API else _("on this page")
    who = _("{who}, {place}").format(who=_who(viewing, viewer), place=place)
    return ViewerRow(who, _how_long(viewing), viewing.first_seen, viewing.ended_at is None)


def _who(viewing: Viewing, viewer: User) -> str:
    if viewing.viewer is None:
        return _("Somebody whose account is gone")
    if viewing.grant_id is not None:
        return _("Hetri’s support")
    if viewing.viewer_id == viewer.pk:
        return _("You")
    return viewing.viewer.name if may_name(viewer, viewing.viewer) else _("An owner")


def _how_long(viewing: Viewing) -> str:
    if viewing.ended_at is None or viewing.first_seen is None or viewing.last_seen is None:
        return _("Watching now")
    return brief((viewing.last_seen - viewing.first_seen).total_seconds())


def watching_now(found: Iterable[Viewing], viewer: User) -> str:
    """Below the player: `Only you are watching.`; empty when nobody is."""
    watchers = list(dict.fromkeys(_who(viewing, viewer) for viewing in found))
    if not watchers:
        return ""
    if watchers == [_("You")]:
        return _("Only you are watching.")
    return _("Watching now: {names}.").format(names=listed(watchers))


def watched_row(viewing: Viewing, viewer: User, pet: str, zone: str) -> LedgerRow:
    """A viewing among a day's events."""
    assert viewing.first_seen is not None
    mine = viewing.grant_id is None and viewing.viewer_id == viewer.pk
    words = _("You watched {pet}") if mine else _("{who} watched {pet}")
    word = words.format(who=_who(viewing, viewer), pet=pet)
    return LedgerRow(viewing.first_seen, "eye", word, _how_long(viewing), zone)
