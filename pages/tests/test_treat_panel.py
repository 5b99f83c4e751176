"""The twelve states of the treat panel, each with its button, its track and its sentence."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devices.models import Device
from pages.presenters import Face
from pages.treat_panel import Order, Panel, treat_panel
from treats.models import TreatEvent

AT = datetime(2026, 11, 23, 13, 36, 10, tzinfo=UTC)
SENT = AT - timedelta(seconds=8)
PRESS, REFUSED, GOING = ("ready", True), ("refused", False), ("going", False)


def event(result: str, sent: datetime = SENT, **fields: Any) -> TreatEvent:
    """A treat sent 8 s ago; settled ones were settled 2 s later."""
    settled = None if result == "pending" else sent + timedelta(seconds=2)
    usual = {"delivered_at": settled, "settled_at": settled, "published_at": sent}
    return TreatEvent(result=result, event_time=sent, expires_at=sent + timedelta(seconds=30), **{**usual, **fields})


def panel(treat: TreatEvent | None, *, presence: str = "online", left: int | None = 6, mine: bool = True) -> Panel:
    face = Face(
        device=Device(), name="Rex", species="dog", zone="Europe/Berlin", presence=presence, last_seen=AT, battery=80
    )
    per_day = None if left is None else 10
    return treat_panel(face, Order(event=treat, left=left, per_day=per_day, mine=mine, at=AT))


def words(shown: Panel) -> str:
    return re.sub(r"<[^>]+>", "", str(shown.sentence)).strip()


LATE = event("dispensed", AT - timedelta(seconds=60), settled_at=AT, delivered_at=AT)
EXPIRED = event("expired", AT - timedelta(seconds=31), delivered_at=None, settled_at=AT - timedelta(seconds=1))
TOO_OLD = event("expired")
REACHED = event("pending", delivered_at=AT)
OLD = event("dispensed", AT - timedelta(hours=2))
STATES = [
    (panel(None), "ready", PRESS, "todo todo todo", "Rex has had no treat yet."),
    (panel(event("pending")), "sent", GOING, "done waiting todo", "Waiting for the collar. It has 30 s to answer."),
    (panel(REACHED), "reached", GOING, "done done waiting", "The collar has it. Waiting for the treat to drop."),
    (panel(event("dispensed"), left=5), "dispensed", PRESS, "done done done", "Rex got one portion. 5 are left today."),
    (panel(event("jammed")), "jammed", PRESS, "done done failed", "The dispenser jammed. Open the lid, free what is "
     "stuck, then try again."),
    (panel(event("empty")), "empty", PRESS, "done done failed", "The dispenser is empty. Refill it, then try again."),
    (panel(TOO_OLD), "expired", PRESS, "done done missed", "The collar took this treat for too old: its clock is "
     "not the server\u2019s. Wait a minute, then try again."),
    (panel(EXPIRED), "expired", PRESS, "done missed todo", "The collar did not answer in 30 s. This treat has expired "
     "and will not fire later."),
    (panel(event("failed")), "failed", PRESS, "done done failed", "The collar could not run its motor. Try again; if "
     "it stays so, restart the collar."),
    (panel(LATE, left=5), "late", PRESS, "done done done", "It was dispensed after all; the answer came late. It "
     "counts. 5 are left today."),
    (panel(None, presence="offline"), "offline", REFUSED, "todo todo todo", "Treats work again as soon as "
     "the collar is back."),
    (panel(OLD, left=0), "spent", REFUSED, "todo todo todo", "Rex has had all 10 portions today. The next day starts "
     "at 00:00 in Berlin."),
    (panel(event("pending"), mine=False), "too_soon", REFUSED, "todo todo todo", "Another treat is already on its way. "
     "Wait for its answer."),
]  # fmt: skip


@pytest.mark.parametrize(("shown", "state", "button", "track", "sentence"), STATES, ids=[row[1] for row in STATES])
def test_each_state_says_what_it_is(
    shown: Panel, state: str, button: tuple[str, bool], track: str, sentence: str
) -> None:
    assert shown.state == state
    assert (shown.tone, shown.press) == button
    assert " ".join(step.tone for step in shown.steps) == track
    assert words(shown) == sentence


def test_an_outcome_becomes_history_after_five_minutes() -> None:
    shown = panel(OLD)
    assert shown.state == "ready"
    assert words(shown) == "The last one was at 12:36, dispensed."


def test_the_last_portion_is_told_before_the_day_is_called_spent() -> None:
    shown = panel(event("dispensed"), left=0)
    assert words(shown) == "Rex got one portion. None are left today."
    assert (shown.button, shown.press) == ("None left today", False)


def test_a_treat_on_its_way_is_shown_even_when_the_collar_went_away() -> None:
    assert panel(event("pending"), presence="offline").state == "sent"


def test_no_limit_means_no_dots_and_no_rest() -> None:
    shown = panel(event("dispensed", portion=3), left=None)
    assert shown.dots == ()
    assert shown.budget == "No daily limit"
    assert words(shown) == "Rex got 3 portions."


@pytest.mark.parametrize(("left", "most"), [(None, 5), (10, 5), (3, 3), (0, 1)])
def test_the_stepper_stops_at_what_is_left(left: int | None, most: int) -> None:
    assert panel(None, left=left).most == most


def test_a_pet_named_like_markup_stays_text() -> None:
    face = Face(Device(), "<i>", "dog", "UTC", "online", AT, 80)
    shown = treat_panel(face, Order(event=None, left=1, per_day=1, mine=True, at=AT))
    assert str(shown.sentence) == "&lt;i&gt; has had no treat yet."
