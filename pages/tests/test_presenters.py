"""Sentences, battery words, the ledger's lines, relative times."""
# ruff: noqa: RUF001  (people read typographic apostrophes and minus signs)

import re
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from core.times import now
from devices.models import Device
from pages import formatting
from pages.presenters import Face, facts, home_sentence, ledger_row, offline_note
from pets.models import Pet
from treats.models import TreatEvent

ZONE = "Europe/Berlin"
SEEN = now().replace(second=0, microsecond=0) - timedelta(minutes=7)
SINCE = formatting.smart(SEEN, ZONE, now())


def face(name: str = "Rex", presence: str = "online", battery: float | None = 82, seen: datetime | None = SEEN) -> Face:
    return Face(Device(pet=Pet(name=name)), name, "dog", ZONE, presence, seen, battery)


def plain(text: object) -> str:
    return re.sub(r"<[^>]+>", "", str(text))


@pytest.mark.parametrize(
    ("faces", "urgent", "fine"),
    [
        ([face()], "", "Rex is online."),
        ([face(), face("Mila")], "", "Rex and Mila are online."),
        ([face(), face("Mila"), face("Tom")], "", "Rex, Mila and Tom are online."),
        ([face(str(n)) for n in range(5)], "", "All 5 are online."),
        ([face(), face("Mila", "offline")], f"Mila has been offline since {SINCE}.", "Rex is online."),
        ([face("Mila", "never_seen", None, None)], "Mila’s collar has not connected yet.", ""),
        ([face(battery=14)], "Rex’s collar has 14\u00a0% left. Charge it tonight.", ""),
        ([face("Mila", "offline"), *[face(str(n)) for n in range(4)]], f"Mila has been offline since {SINCE}.",
         "The other 4 are online."),
        ([face("Mila", "offline"), face("Tom", "offline"), face("Rex", "offline"), face("Luna")],
         "Mila, Tom and Rex are offline.", "Luna is online."),
        ([face("Mila", "offline"), *[face(str(n), "never_seen", None, None) for n in range(9)]],
         f"Mila has been offline since {SINCE}. 9 more need you.", ""),
        ([*[face(str(n), "offline") for n in range(4)], face(battery=9)], "4 are offline. 1 more needs you.", ""),
    ],
)  # fmt: skip
def test_the_headline_says_first_what_needs_you(faces: list[Face], urgent: str, fine: str) -> None:
    ink, grey = home_sentence(faces)
    assert (plain(ink), grey) == (urgent, fine)


@pytest.mark.parametrize(
    ("level", "said", "low"),
    [
        (82.4, "82\u00a0%", False),
        (20, "20\u00a0%", False),
        (19.6, "19\u00a0%, charge it", True),
        (0, "0\u00a0%, charge it", True),
        (None, "No reading yet", False),
    ],
)
def test_the_battery_is_always_a_number_and_under_20_a_request(level: float | None, said: str, low: bool) -> None:
    shown = face(battery=level)
    assert (shown.battery_words, shown.battery_low) == (said, low)


@pytest.mark.parametrize(
    ("presence", "battery", "note"),
    [
        ("offline", 80, f"Rex’s collar has been offline since {SINCE}. Treats work again when it is back."),
        ("offline", 9, "Rex’s collar went quiet with 9\u00a0% left. Charge it; what it recorded meanwhile arrives by "
         "itself."),
        ("never_seen", None, "Rex’s collar has not connected yet. Charge it and switch it on within reach of your "
         "Wi-Fi."),
    ],
)  # fmt: skip
def test_a_collar_that_is_away_says_why_and_the_way_out(presence: str, battery: float | None, note: str) -> None:
    assert plain(offline_note(face(presence=presence, battery=battery))) == note


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "just now"),
        (0, "just now"),
        (20, "20 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (7300, "2 h ago"),
        (200_000, "2 d ago"),
    ],
)
def test_relative_times(seconds: float, said: str) -> None:
    assert formatting.ago(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 min"), (29, "0 min"), (31, "1 min"), (3600, "1 h 0 min"), (5640, "1 h 34 min")]
)
def test_durations(seconds: int, said: str) -> None:
    assert formatting.duration(seconds).replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(48, "48 s"), (180, "3 min"), (190, "3 min 10 s"), (3000, "50 min"), (3840, "1 h 4 min")]
)
def test_how_long_somebody_watched(seconds: int, said: str) -> None:
    assert formatting.brief(seconds).replace("\u00a0", " ") == said


def test_a_time_carries_its_exact_words_and_its_machine_form() -> None:
    tag = formatting.time_tag(datetime(2026, 11, 23, 13, 32, 10, tzinfo=UTC), ZONE, "seconds")
    assert 'datetime="2026-11-23T13:32:10.000Z"' in tag
    assert "14:32:10</time>" in tag
    assert 'title="Mon 23 November 2026, 14:32:10 (Europe/Berlin)"' in tag


def test_another_day_is_named() -> None:
    at = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)  # the 24th in Berlin
    assert formatting.smart(at - timedelta(hours=1), ZONE, at) == "23 Nov 23:30"
    assert formatting.smart(at, ZONE, at) == "00:30"


def test_the_ledger_says_who_and_what() -> None:
    alice, charlie = User(name="Alice"), User(name="Charlie")
    treat = TreatEvent(result="jammed", portion=2, source="owner", triggered_by=alice)
    row = ledger_row(treat, alice, ZONE)
    assert (row.word, row.detail, row.icon, row.bad) == ("Jammed", "2 portions, by you", "warn", True)
    assert ledger_row(treat, charlie, ZONE, "Rex").detail == "Rex, 2 portions, by Alice"
    treat.source, treat.result = "api", "dispensed"
    assert ledger_row(treat, alice, ZONE, "Rex").word == "Treat dispensed"
    assert ledger_row(treat, alice, ZONE).detail == "2 portions, by the API"


def test_facts_say_only_what_is_known() -> None:
    device = Device(name="Rex's collar", reported={}, config={"telemetry_interval_s": 90})
    details = [fact.detail for fact in facts(device)]
    assert details[:3] == ["reports every 90 s", "Its stock is not known yet", "Its version is not known yet"]


def test_a_collar_that_nobody_wears_is_called_by_its_own_name() -> None:
    spare = Face(Device(name="Workbench’s collar"), "Workbench’s collar", "other", ZONE, "online", SEEN, 14)
    assert plain(home_sentence([spare])[0]) == "Workbench’s collar has 14\u00a0% left. Charge it tonight."
