"""GET /devices/{id}/telemetry?resolution=: buckets, calendar days, and what a reader may see of them."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from core.times import from_ms, iso
from devices.models import Assignment, Device
from telemetry.services.ingest import store
from telemetry.tests.conftest import Person, message, reading, roll_up, sample_at

NOON = datetime.fromisoformat("2024-10-20T12:00:00Z")
FELT = {"sd_mg": 10, "odba_mg": 5, "active_s": 7, "steps": 3}


@pytest.fixture(autouse=True)
def _long_retention(settings: Any) -> None:
    """The days below are long over, whenever this runs."""
    settings.RETENTION_DAYS = 10_000


def hours(first: str, count: int) -> list[datetime]:
    return [datetime.fromisoformat(first) + timedelta(hours=number) for number in range(count)]


def counts(buckets: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(row["ts"], row["count"]) for row in buckets]


@pytest.mark.parametrize(("resolution", "width"), [("5m", 300_000), ("1h", 3_600_000), ("1d", 86_400_000)])
def test_buckets_add_up(alice: Person, resolution: str, width: int) -> None:
    device = alice.new_device()
    samples = [
        reading(number, NOON + timedelta(minutes=4 * number), accel_x=number / 10, battery_level=number, activity=FELT)
        for number in range(30)
    ]
    store([message(device, *samples)])
    roll_up()
    groups: dict[int, list[Any]] = {}
    for one in samples:
        groups.setdefault(one["ts"] - one["ts"] % width, []).append(one)
    found = alice.buckets(device, resolution=resolution)
    assert [row["ts"] for row in found] == [iso(from_ms(start)) for start in sorted(groups)]
    for row, start in zip(found, sorted(groups), strict=True):
        values, levels = ([one[name] for one in groups[start]] for name in ("accel_x", "battery_level"))
        assert (row["count"], row["active_s"], row["steps"]) == (len(values), 7 * len(values), 3 * len(values))
        assert (row["accel_x_min"], row["accel_x_max"]) == (min(values), max(values))
        assert (row["battery_level_min"], row["battery_level_max"]) == (min(levels), max(levels))
        assert row["accel_x_mean"] == pytest.approx(sum(values) / len(values))


def test_buckets_begin_within_the_window(alice: Person) -> None:
    device = alice.new_device()
    sample_at(device, NOON, NOON + timedelta(minutes=5), NOON + timedelta(minutes=10))
    found = alice.buckets(device, resolution="5m", start="2024-10-20T12:00:01Z", end=iso(NOON + timedelta(minutes=10)))
    assert counts(found) == [("2024-10-20T12:05:00.000Z", 1)]


def test_a_day_of_23_hours_is_the_pets(alice: Person) -> None:
    device = alice.new_device(pet=alice.new_pet("Pacific/Auckland"))
    # Auckland's clocks went forward on 2024-09-29 at 02:00 NZST (2024-09-28 14:00 UTC).
    sample_at(device, *hours("2024-09-28T11:30:00Z", 26))
    assert counts(alice.buckets(device, resolution="1d")) == [
        ("2024-09-27T12:00:00.000Z", 1),
        ("2024-09-28T12:00:00.000Z", 23),
        ("2024-09-29T11:00:00.000Z", 2),
    ]


def test_a_day_of_25_hours_is_the_pets(alice: Person) -> None:
    device = alice.new_device(pet=alice.new_pet("Europe/Berlin"))
    # Berlin's clocks went back on 2024-10-27 at 03:00 CEST (01:00 UTC).
    sample_at(device, *hours("2024-10-26T21:30:00Z", 28))
    assert counts(alice.buckets(device, resolution="1d")) == [
        ("2024-10-25T22:00:00.000Z", 1),
        ("2024-10-26T22:00:00.000Z", 25),
        ("2024-10-27T23:00:00.000Z", 2),
    ]


def test_a_day_with_two_midnights_begins_with_the_first(alice: Person) -> None:
    device = alice.new_device(pet=alice.new_pet("America/Havana"))
    # Havana's clocks went back on 2024-11-03 from 01:00 CDT to 00:00 CST (05:00 UTC).
    sample_at(device, *hours("2024-11-03T03:30:00Z", 27))
    assert counts(alice.buckets(device, resolution="1d")) == [
        ("2024-11-02T04:00:00.000Z", 1),
        ("2024-11-03T04:00:00.000Z", 25),
        ("2024-11-04T05:00:00.000Z", 1),
    ]


def test_zones_between_the_hours_have_their_days(alice: Person) -> None:
    device = alice.new_device(pet=alice.new_pet("Asia/Kathmandu"))  # UTC+05:45
    sample_at(device, *(NOON + timedelta(minutes=minutes) for minutes in (374, 375)))
    assert counts(alice.buckets(device, resolution="1d")) == [
        ("2024-10-19T18:15:00.000Z", 1),
        ("2024-10-20T18:15:00.000Z", 1),
    ]


def hand_over(device: Device, to: Person, ended: datetime, claimed: datetime) -> None:
    """What a handover and a claim leave behind."""
    Assignment.objects.filter(device=device, ended_at=None).update(ended_at=ended)
    Assignment.objects.create(device=device, owner=to.user, started_at=claimed)
    Device.objects.filter(pk=device.pk).update(owner=to.user, owned_since=claimed)


def test_the_next_owner_sees_what_was_sampled_since_the_claim(alice: Person, bob: Person, charlie: Person) -> None:
    device = alice.new_device()
    claimed = NOON + timedelta(minutes=2, milliseconds=500)
    hand_over(device, bob, ended=NOON + timedelta(minutes=1), claimed=claimed)
    moments = [NOON, NOON + timedelta(minutes=2), claimed, NOON + timedelta(minutes=4), NOON + timedelta(minutes=9)]
    sample_at(device, *moments)
    assert alice.ask(device).status_code == 404
    window = {"start": "2024-10-20T00:00:00Z", "order": "asc"}
    assert [row["ts"] for row in bob.telemetry(device, **window)["results"]] == [iso(one) for one in moments[2:]]
    assert counts(bob.buckets(device, resolution="5m")) == [
        ("2024-10-20T12:00:00.000Z", 2),
        ("2024-10-20T12:05:00.000Z", 1),
    ]
    for resolution in ("1h", "1d"):
        assert [row["count"] for row in bob.buckets(device, resolution=resolution)] == [3]
        assert [row["count"] for row in charlie.buckets(device, resolution=resolution)] == [5]
    assert len(charlie.telemetry(device, **window)["results"]) == 5


def test_who_gets_it_back_sees_both_times(alice: Person, bob: Person) -> None:
    device = alice.new_device()
    at = [NOON + timedelta(minutes=minute) for minute in range(6)]
    hand_over(device, bob, ended=at[1], claimed=at[2])
    hand_over(device, alice, ended=at[3], claimed=at[4])
    sample_at(device, *at)
    seen = alice.telemetry(device, start=iso(NOON), order="asc")["results"]
    assert [row["ts"] for row in seen] == [iso(at[0]), iso(at[4]), iso(at[5])]
    assert counts(alice.buckets(device, resolution="5m")) == [
        ("2024-10-20T12:00:00.000Z", 2),
        ("2024-10-20T12:05:00.000Z", 1),
    ]


def test_a_change_of_the_pet_cuts_nothing(alice: Person) -> None:
    device = alice.new_device()
    changed = NOON + timedelta(minutes=2)
    hand_over(device, alice, ended=changed, claimed=changed)
    sample_at(device, NOON, NOON + timedelta(minutes=1), changed, NOON + timedelta(minutes=3))
    assert [row["count"] for row in alice.buckets(device, resolution="5m")] == [4]
