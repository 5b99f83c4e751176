"""Numbers and times in words. A time is a `<time>` element: scripts turn it into the viewer's zone and let it tick."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.times import iso, now

NBSP = "\u00a0"
MINUTE, HOUR, DAY = 60, 3600, 86400


def local(moment: datetime, zone: str) -> datetime:
    """The same moment on the clock of `zone`."""
    return moment.astimezone(ZoneInfo(zone))


def clock(moment: datetime, zone: str) -> str:
    """`14:32`."""
    return f"{local(moment, zone):%H:%M}"


def exact(moment: datetime, zone: str) -> str:
    """`Mon 23 November 2026, 14:32:10 (Europe/Berlin)`: the words behind every short time."""
    here = local(moment, zone)
    return f"{date_format(here, 'D j F Y')}, {here:%H:%M:%S} ({zone})"


def ago(seconds: float) -> str:
    """`20 s ago`, `5 min ago`, `3 h ago`, `2 d ago`; a clock that runs ahead reads `just now`."""
    if seconds < 1:
        return _("just now")
    for size, words in ((DAY, _("{n} d ago")), (HOUR, _("{n} h ago")), (MINUTE, _("{n} min ago"))):
        if seconds >= size:
            return words.format(n=int(seconds // size))
    return _("{n} s ago").format(n=int(seconds))


def smart(moment: datetime, zone: str, at: datetime) -> str:
    """`14:32` today, `22 Nov 14:32` on any other day of that zone."""
    here = local(moment, zone)
    if here.date() == local(at, zone).date():
        return f"{here:%H:%M}"
    return f"{date_format(here, 'j M')} {here:%H:%M}"


def time_tag(moment: datetime | None, zone: str, show: str = "smart", at: datetime | None = None) -> SafeString:
    """A `<time>` in one of the forms of time.js: clock, seconds, ago, smart; seen from `at` (now). Empty for None."""
    if moment is None:
        return SafeString("")
    match show:
        case "clock":
            text = clock(moment, zone)
        case "seconds":
            text = f"{local(moment, zone):%H:%M:%S}"
        case "ago":
            text = ago(((at or now()) - moment).total_seconds())
        case _:
            text = smart(moment, zone, at or now())
    tag = '<time datetime="{}" data-show="{}" title="{}">{}</time>'
    return format_html(tag, iso(moment), show, exact(moment, zone), text)


def duration(seconds: float) -> str:
    """`1 h 34 min`, `12 min`, `0 min`; rounded to the minute."""
    hours, minutes = divmod(round(seconds / MINUTE), 60)
    if hours:
        return _("{h} h {m} min").format(h=hours, m=minutes).replace(" ", NBSP)
    return _("{m} min").format(m=minutes).replace(" ", NBSP)


def brief(seconds: float) -> str:
    """`48 s`, `3 min`, `3 min 10 s`, `1 h 4 min`: how long somebody watched."""
    minutes, rest = divmod(round(seconds), MINUTE)
    if minutes >= MINUTE or (minutes and not rest):
        return duration(seconds)
    words = _("{m} min {s} s") if minutes else _("{s} s")
    return words.format(m=minutes, s=rest).replace(" ", NBSP)


def percent(value: float) -> str:
    """`82 %`, never broken at the space. Rounded down, so that 19.6 is not a comfortable 20."""
    return f"{int(value)}{NBSP}%"


def portions(count: int) -> str:
    """`1 portion`, `3 portions`."""
    return ngettext("{n} portion", "{n} portions", count).format(n=count)


def city(zone: str) -> str:
    """How people call a zone: `Berlin` of Europe/Berlin."""
    return zone.rsplit("/", 1)[-1].replace("_", " ")


def sentences(parts: Iterable[str]) -> SafeString:
    """Sentences one after the other; what is safe stays as it is, all else is escaped."""
    return format_html_join(" ", "{}", ((part,) for part in parts if part))


def listed(names: list[str]) -> str:
    """`Rex`, `Rex and Mila`, `Rex, Mila and Tom`."""
    if len(names) < 2:
        return "".join(names)
    return _("{some} and {last}").format(some=", ".join(names[:-1]), last=names[-1])


def script_words() -> dict[str, str]:
    """What time.js, live.js and treat.js say, in the page's language; {n} and {time} are filled in there."""
    return {
        "now": _("just now"),
        "s": _("{n} s ago"),
        "min": _("{n} min ago"),
        "h": _("{n} h ago"),
        "d": _("{n} d ago"),
        "lost": _("This page lost its connection at {time}. Trying again; what you see may be old."),
        "back": _("The connection is back."),
        "sending": _("Sending."),
        "unknown": _("The answer got lost. What became of the treat stands here when the connection is back."),
        "away": _("Treats cannot be sent just now. Nothing was sent; try again in a moment."),
        "refused": _("Nothing was sent. Reload the page, then try again."),
    }


def chart_words() -> dict[str, str | dict[int, str]]:
    """What chart.js says; what stands in braces is filled in there. `units`: by the seconds that a bar stands for."""
    return {
        "units": {
            300: _("Active minutes in each 5 min"),
            1800: _("Active minutes in each 30 min"),
            HOUR: _("Active minutes in each hour"),
            3 * HOUR: _("Active minutes in each 3 h"),
            DAY: _("Active time on each day"),
        },
        "hours": _("{n} h"),
        "since": _("Known since {day}"),
        "treats": _("Treats"),
        "level": _("Battery {level} %"),
        "active": _("{n} min active"),
        "activeHours": _("{h} h {m} min active"),
        "none": _("No data"),
        "span": _("{from} to {to}"),
        "given": _("Treat dispensed"),
        "givens": _("{n} treats dispensed"),
        "failed": _("Treat not dispensed"),
        "faileds": _("{n} treats not dispensed"),
        "missing": _("The chart could not be read just now. The table below has the same numbers."),
    }


def player_words() -> dict[str, str]:
    """What player.js says; {n} and {time} are filled in there. `bar_` and a state is what stands in the bar."""
    return {
        "starting": _("Starting the camera"),
        "usually": _("Usually 2 to 3 s. Stops trying after 10 s."),
        "cancel": _("Cancel"),
        "live": _("The picture is live."),
        "behind": _("{n} s behind"),
        "fast": _("fast view"),
        "stopped": _("The picture stopped at {time}"),
        "again": _("Connecting again."),
        "failed": _("The camera did not start"),
        "silent": _("The collar sent no picture within 10 s."),
        "ended_refused": _("The collar declined. Its battery may be too low."),
        "ended_unplayable": _(
            "The camera sends a format that browsers do not play. Set its encoder to H.264, 8 bit, 4:2:0."
        ),
        "ended_bad_picture": _("The camera sent pictures that are broken, or larger than 1920 x 1088."),
        "away": _("Hetri cannot be reached just now."),
        "retry": _("Try again"),
        "busy": _("All streams are in use"),
        "soon": _("A place should be free soon. Trying again in {n} s."),
        "now": _("Try now"),
        "paused": _("Paused"),
        "hidden": _("Paused while you were away"),
        "toFast": _("Switching to fast view"),
        "toUsual": _("Switching to the usual view"),
        "soonOff": _("The camera is off soon if nobody else watches."),
        "resume": _("Go on"),
        "snapped": _("The picture is saved."),
        "bar_starting": _("Asked the collar, {n} s ago"),
        "bar_live": _("Live"),
        "bar_lost": _("Reconnecting, try {n}"),
        "bar_failed": _("Off"),
        "bar_busy": _("Off"),
        "bar_paused": _("Paused"),
    }
