"""GET /devices/{id}/telemetry, over the running server, with samples that came through the broker."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from hetri.core.ids import to_ms
from hetri.core.times import from_ms, iso, now
from hetri.testing import Api, Collar, wait_for


@pytest.fixture
def sent(alice: Api) -> Any:
    """A device with 30 samples, one each 4 minutes, the newest now; as (device, collar, samples)."""
    device = alice.new_device()
    collar = Collar(device["mqtt"]).start()
    activity = {"sd_mg": 10, "odba_mg": 5, "active_s": 7, "steps": 3}
    samples = [collar.sample(ago_s=240 * (29 - number), accel_x=number / 10, activity=activity) for number in range(30)]
    collar.send_samples(*samples)
    wait_for(lambda: collar.received("ack"))
    yield device, collar, samples
    collar.stop()


def telemetry(api: Api, device: dict[str, Any], **query: Any) -> Any:
    answer = api.get(f"/devices/{device['id']}/telemetry", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_it_gives_samples_newest_first(alice: Api, sent: Any) -> None:
    device, collar, samples = sent
    assert collar.received("ack") == [{"boot": "9f3a61c2", "batch": 1, "stored": 30, "rejected": 0}]
    found = telemetry(alice, device)
    assert found["next"] is None
    assert [row["ts"] for row in found["results"]] == [iso(from_ms(one["ts"])) for one in reversed(samples)]
    assert found["results"][0].keys() == {"ts", "accel_x", "accel_y", "accel_z", "battery_level", "activity"}
    assert telemetry(alice, device, order="asc")["results"] == found["results"][::-1]


def test_columns_hold_the_same(alice: Api, sent: Any) -> None:
    device, _, _ = sent
    rows, columns = telemetry(alice, device)["results"], telemetry(alice, device, shape="columns")
    assert columns.pop("next") is None
    assert columns == {key: [row[key] for row in rows] for key in rows[0]}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("query", [{}, {"shape": "columns"}, {"resolution": "5m"}])
def test_pages_join_without_a_gap(alice: Api, sent: Any, order: str, query: dict[str, str]) -> None:
    device, _, _ = sent
    wait_for(lambda: telemetry(alice, device, resolution="5m")["results"])
    whole = stamps(telemetry(alice, device, order=order, **query))
    page = telemetry(alice, device, order=order, limit=7, **query)
    found = stamps(page)
    while page["next"]:
        page = alice.get(page["next"]).json()
        found += stamps(page)
    assert found == whole
    assert len(whole) == len(set(whole)) > 7


def stamps(page: Any) -> list[str]:
    return page["ts"] if "ts" in page else [row["ts"] for row in page["results"]]


def test_start_is_inclusive_and_end_exclusive(alice: Api, sent: Any) -> None:
    device, _, samples = sent
    found = telemetry(
        alice, device, start=iso(from_ms(samples[3]["ts"])), end=iso(from_ms(samples[6]["ts"])), order="asc"
    )
    assert [row["accel_x"] for row in found["results"]] == [0.3, 0.4, 0.5]


def test_buckets_add_up(alice: Api, sent: Any) -> None:
    device, _, samples = sent
    wait_for(lambda: sum(row["count"] for row in telemetry(alice, device, resolution="5m")["results"]) == 30, 5)
    for resolution, width in (("5m", 300_000), ("1h", 3_600_000)):
        found = telemetry(alice, device, resolution=resolution, start=iso(now() - timedelta(hours=5)), order="asc")[
            "results"
        ]
        groups: dict[int, list[Any]] = {}
        for one in samples:
            groups.setdefault(one["ts"] - one["ts"] % width, []).append(one)
        assert [row["ts"] for row in found] == [iso(from_ms(start)) for start in sorted(groups)]
        for row, start in zip(found, sorted(groups), strict=True):
            values = [one["accel_x"] for one in groups[start]]
            assert (row["count"], row["active_s"], row["steps"]) == (
                len(values),
                7 * len(values),
                3 * len(values),
            )
            assert (row["accel_x_min"], row["accel_x_max"]) == (min(values), max(values))
            assert row["accel_x_mean"] == pytest.approx(sum(values) / len(values))


def test_days_are_the_pets(alice: Api) -> None:
    pet = alice.new_pet(time_zone="Pacific/Auckland")
    device = alice.new_device(pet=pet["id"])
    collar = Collar(device["mqtt"]).start()
    long_ago = spring_forward() - timedelta(hours=2, minutes=30)
    hours = [long_ago + timedelta(hours=number) for number in range(26)]
    collar.send_samples(*(collar.sample(ts=to_ms(hour)) for hour in hours))
    short_day = spring_forward() - timedelta(hours=2)  # its midnight; the clocks go forward two hours later
    window = {"start": iso(short_day - timedelta(days=2)), "end": iso(short_day + timedelta(days=2))}
    query = {**window, "order": "asc", "resolution": "1d"}
    found = wait_for(lambda: telemetry(alice, device, **query)["results"], 5)
    collar.stop()
    assert [(row["ts"], row["count"]) for row in found] == [
        (iso(short_day - timedelta(days=1)), 1),
        (iso(short_day), 23),
        (iso(short_day + timedelta(hours=23)), 2),
    ]


def spring_forward() -> datetime:
    """When Auckland's clocks last went forward: the last Sunday of September, 02:00 NZST, 14:00 UTC the day before."""
    for year in (now().year, now().year - 1):
        day = datetime(year, 9, 30, 14, tzinfo=UTC)
        sunday = day - timedelta(days=(day.weekday() + 1) % 7)
        if sunday + timedelta(days=3) < now():
            return sunday - timedelta(days=1)
    raise AssertionError("one of the two is over")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 10_001},
        {"limit": 0},
        {"limit": "x"},
        {"start": "yesterday"},
        {"order": "up"},
        {"shape": "pie"},
        {"resolution": "2m"},
        {"cursor": "\x00"},
        {"cursor": "1", "resolution": "raw"},
        {"cursor": "9" * 30, "resolution": "5m"},
        {"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
    ],
)
def test_bad_queries_are_400(alice: Api, query: dict[str, Any]) -> None:
    answer = alice.get(f"/devices/{alice.new_device()['id']}/telemetry", params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_the_ends_of_time_are_no_500(alice: Api, moment: str) -> None:
    device = alice.new_device()
    for query in ({"start": moment}, {"end": moment}, {"end": moment, "resolution": "1d"}):
        assert alice.get(f"/devices/{device['id']}/telemetry", params=query).status_code in (200, 400)


def test_strangers_find_nothing_and_nobody_is_asked_to_sign_in(
    alice: Api, bob: Api, charlie: Api, anonymous: httpx.Client
) -> None:
    path = f"/devices/{alice.new_device()['id']}/telemetry"
    assert bob.get(path).status_code == 404
    assert bob.get(path).json() == bob.get(f"/devices/{uuid4()}/telemetry").json()
    assert anonymous.get(path).status_code == 401
    assert charlie.get(path).status_code == 200
