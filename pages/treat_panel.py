"""The treat panel: one press and its whole life, in one shape that never changes size.

Sent, then reached, then dispensed, jammed, empty or failed; or expired after 30 s without an answer, and a late
`dispensed` still wins. Offline, none left, one on its way: nothing is sent, and the button says why.
"""
# ruff: noqa: RUF001  (people read typographic apostrophes)

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from devices.models import Device
from pages.formatting import city, time_tag
from pages.presenters import Face, result_word
from treats.models import TreatEvent

Result = TreatEvent.Result
FRESH = timedelta(minutes=5)  # so long an outcome stays in the panel; after that it is history
MOST = 5  # portions of one treat
DOTS_MOST = 20  # above that a row of dots says less than the number beside it


@dataclass(frozen=True)
class Step:
    """A stop of the track. `tone`: todo, waiting, done, failed or missed; `note` stands where a time would."""

    word: str
    tone: str = "todo"
    at: datetime | None = None
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """All that the template says. `press` tells whether the button sends anything; `tone` is its colour.

    `said` is spoken to screen readers once for each `key`.
    """

    state: str
    button: str
    sentence: SafeString
    steps: tuple[Step, ...]
    press: bool = True
    tone: str = "ready"
    button_icon: str = "bone"
    sentence_icon: str = ""
    bad: bool = False
    said: str = ""
    key: str = ""
    budget: str = ""
    dots: tuple[bool, ...] = ()
    most: int = MOST


@dataclass(frozen=True)
class Order:
    """What the panel is made from: the newest treat, portions `left` of `per_day` (None: no limit), who looks."""

    event: TreatEvent | None
    left: int | None
    per_day: int | None
    mine: bool
    at: datetime


def treat_panel(face: Face, order: Order) -> Panel:
    """The panel as it is at `order.at`."""
    event = order.event
    fresh = event is not None and (event.result == Result.PENDING or _age(event, order.at) < FRESH)
    panel = _life(face, event, order) if event is not None and fresh else _ready(face, event, order.at)
    key = str(event.pk) if event is not None else ""
    return _with_budget(_gate(replace(panel, key=key), face, order), order)


def _age(event: TreatEvent, at: datetime) -> timedelta:
    return at - (event.settled_at or event.event_time)


def blank_track() -> tuple[Step, ...]:
    """Nothing sent."""
    return (Step(_("Sent")), Step(_("Reached")), Step(_("Dispensed")))


def _ready(face: Face, event: TreatEvent | None, at: datetime) -> Panel:
    if event is None:
        last = format_html(_("{name} has had no treat yet."), name=face.name)
    else:
        when = time_tag(event.event_time, face.zone, at=at)
        last = format_html(_("The last one was at {time}, {result}."), time=when, result=result_word(event).lower())
    return Panel("ready", _("Give a treat"), last, blank_track())


def _gate(panel: Panel, face: Face, order: Order) -> Panel:
    """What stands in the way of another treat is on the button, before it is pressed."""
    pending = panel.state in ("sent", "reached")
    if face.presence != Device.Status.ONLINE and not pending:
        return _refused(panel, "offline", *_away(face), icon="unknown", keep=False)
    if pending and not order.mine:
        words = _("Another treat is already on its way. Wait for its answer.")
        return _refused(panel, "too_soon", _("One is on its way"), words, icon="clock", keep=False)
    if order.left == 0 and not pending:
        news = panel.state != "ready"
        return _refused(panel, "spent", _("None left today"), _spent(face, order), icon="bone", keep=news)
    return panel


def _refused(panel: Panel, state: str, button: str, words: str, *, icon: str, keep: bool) -> Panel:
    """`keep`: the outcome of the treat just given is still the news; only the button changes."""
    shut = replace(panel, press=False, tone="refused", button=button, button_icon="")
    if keep:
        return shut
    told = replace(shut, sentence=format_html("{}", words), sentence_icon=icon, bad=False, said="")
    return replace(told, state=state, steps=blank_track())


def _away(face: Face) -> tuple[str, str]:
    match face.presence:
        case Device.Status.RETIRED:
            return _("Collar is retired"), _("This collar was removed. Its history stays here.")
        case Device.Status.NEVER_SEEN:
            return _("Not connected yet"), _("Treats work as soon as the collar has connected once.")
    return _("Collar is offline"), _("Treats work again as soon as the collar is back.")


def _spent(face: Face, order: Order) -> str:
    words = _("{name} has had all {n} portions today. The next day starts at 00:00 in {city}.")
    if order.per_day == 0:
        words = _("{name} gets no treats: the day’s limit is 0 portions.")
    return words.format(name=face.name, n=order.per_day, city=city(face.zone))


def _with_budget(panel: Panel, order: Order) -> Panel:
    if order.left is None or order.per_day is None:
        return replace(panel, budget=_("No daily limit"))
    dots = tuple(index < order.left for index in range(order.per_day)) if order.per_day <= DOTS_MOST else ()
    budget = _("{left} of {n} left today").format(left=order.left, n=order.per_day)
    return replace(panel, budget=budget, dots=dots, most=max(1, min(MOST, order.left)))


def _life(face: Face, event: TreatEvent, order: Order) -> Panel:
    """The panel of a treat that is on its way or has just been settled."""
    match event.result:
        case Result.PENDING:
            return _on_its_way(event)
        case Result.DISPENSED:
            return _dispensed(face, event, order.left)
        case Result.EXPIRED:
            return _expired(event)
        case Result.OFFLINE:
            return _ready(face, event, order.at)
    return _broken(event)


def _sent(event: TreatEvent) -> Step:
    return Step(_("Sent"), "done", event.published_at or event.event_time)


def _reached(event: TreatEvent) -> Step:
    return Step(_("Reached"), "done", event.delivered_at or event.settled_at)


def _on_its_way(event: TreatEvent) -> Panel:
    waiting = _("waiting")
    if event.delivered_at:
        steps = (_sent(event), _reached(event), Step(_("Dispensed"), "waiting", note=waiting))
        words = _("The collar has it. Waiting for the treat to drop.")
    else:
        steps = (_sent(event), Step(_("Reached"), "waiting", note=waiting), Step(_("Dispensed")))
        words = _("Waiting for the collar. It has {n} s to answer.").format(n=_allowance(event))
    state = "reached" if event.delivered_at else "sent"
    sentence = format_html("{}", words)
    return Panel(state, _("On its way"), sentence, steps, press=False, tone="going", button_icon="up")


def _allowance(event: TreatEvent) -> int:
    return round((event.expires_at - event.event_time).total_seconds())


def _dispensed(face: Face, event: TreatEvent, left: int | None) -> Panel:
    steps = (_sent(event), _reached(event), Step(_("Dispensed"), "done", event.settled_at))
    late = event.settled_at is not None and event.settled_at > event.expires_at
    if late:
        words = _("It was dispensed after all; the answer came late. It counts.")
    else:
        words = ngettext("{name} got one portion.", "{name} got {n} portions.", event.portion)
        words = words.format(name=face.name, n=event.portion)
    rest = _rest(left)
    icon = "clock" if late else ""
    sentence = format_html("{} {}", words, rest)
    return Panel("late" if late else "dispensed", _("Give a treat"), sentence, steps, sentence_icon=icon, said=words)


def _rest(left: int | None) -> str:
    if left is None:
        return ""
    if left == 0:
        return _("None are left today.")
    return ngettext("{n} is left today.", "{n} are left today.", left).format(n=left)


def _expired(event: TreatEvent) -> Panel:
    seconds = _allowance(event)
    missed = Step(_("No answer"), "missed", note=_("{n} s").format(n=seconds))
    steps = (_sent(event), missed, Step(_("Dispensed")))
    if event.delivered_at:
        steps = (_sent(event), _reached(event), missed)
    words = _("The collar did not answer in {n} s. This treat has expired and will not fire later.").format(n=seconds)
    if event.was_too_late_for_collar:
        steps = (_sent(event), _reached(event), Step(_("Too late"), "missed"))
        words = _(
            "The collar took this treat for too old: its clock is not the server’s. Wait a minute, then try again."
        )
    sentence = format_html("{}", words)
    return Panel("expired", _("Try again"), sentence, steps, sentence_icon="clock", said=words)


def _broken(event: TreatEvent) -> Panel:
    sentences = {
        Result.JAMMED: _("The dispenser jammed. Open the lid, free what is stuck, then try again."),
        Result.EMPTY: _("The dispenser is empty. Refill it, then try again."),
        Result.FAILED: _("The collar could not run its motor. Try again; if it stays so, restart the collar."),
    }
    words = sentences[Result(event.result)]
    steps = (_sent(event), _reached(event), Step(result_word(event), "failed", event.settled_at))
    sentence = format_html("{}", words)
    return Panel(str(event.result), _("Try again"), sentence, steps, sentence_icon="warn", bad=True, said=words)
