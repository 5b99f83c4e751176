"""GET /devices/{id}/telemetry: windows, pages, shapes, refusals."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.times import from_ms, iso, now
from devices.models import Device
from telemetry.services.ingest import store
from telemetry.tests.conftest import Person, message, reading, roll_up

FELT = {"sd_mg": 10, "odba_mg": 5, "active_s": 7, "steps": 3}


@pytest.fixture
def sent(alice: Person) -> tuple[Device, list[dict[str, Any]]]:
    """A device with 30 samples, one each 4 minutes, the newest now."""
    device, at = alice.new_device(), now()
    samples = [
        reading(number, at - timedelta(minutes=4 * (29 - number)), accel_x=number / 10, activity=FELT)
        for number in range(30)
    ]
    store([message(device, *samples)])
    roll_up()
    return device, samples


def test_it_gives_samples_newest_first(alice: Person, sent: Any) -> None:
    device, samples = sent
    found = alice.telemetry(device)
    assert found["next"] is None
    assert found["results"] == [
        {**{name: one[name] for name in one if name not in ("seq", "ts")}, "ts": iso(from_ms(one["ts"]))}
        for one in reversed(samples)
    ]
    assert alice.telemetry(device, order="asc")["results"] == found["results"][::-1]


@pytest.mark.parametrize("query", [{}, {"resolution": "5m"}, {"resolution": "1h"}, {"resolution": "1d"}])
def test_columns_hold_the_same(alice: Person, sent: Any, query: dict[str, str]) -> None:
    device, _ = sent
    window = {**query, "start": iso(now() - timedelta(days=3))}
    listed, columns = alice.telemetry(device, **window)["results"], alice.telemetry(device, shape="columns", **window)
    assert columns.pop("next") is None
    assert columns == {key: [row[key] for row in listed] for key in listed[0]}


@pytest.mark.parametrize("resolution", ["raw", "5m", "1d"])
def test_nothing_is_an_empty_page(alice: Person, resolution: str) -> None:
    device = alice.new_device()
    assert alice.telemetry(device, resolution=resolution) == {"results": [], "next": None}
    columns = alice.telemetry(device, resolution=resolution, shape="columns")
    assert columns.pop("next") is None
    assert "ts" in columns
    assert not any(columns.values())


def test_a_sample_without_activity_says_null(alice: Person) -> None:
    device = alice.new_device()
    store([message(device, reading(1))])
    roll_up()
    assert alice.telemetry(device)["results"][0]["activity"] is None
    assert alice.telemetry(device, shape="columns")["activity"] == [None]
    (bucket,) = alice.telemetry(device, resolution="1h", start=iso(now() - timedelta(days=1)))["results"]
    assert (bucket["active_s"], bucket["steps"]) == (0, 0)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("query", [{}, {"shape": "columns"}, {"resolution": "5m"}])
def test_pages_join_without_a_gap(alice: Person, sent: Any, order: str, query: dict[str, str]) -> None:
    device, _ = sent
    whole = stamps(alice.telemetry(device, order=order, **query))
    page = alice.telemetry(device, order=order, limit=7, **query)
    found = stamps(page)
    while page["next"]:
        store([message(device, reading(1000 + len(found)))])  # what comes in between belongs to no page
        page = alice.client.get(page["next"]).json()
        found += stamps(page)
    expected = [ts for ts in found if ts in set(whole)]
    assert expected == whole
    assert len(whole) == len(set(whole)) > 7


def stamps(page: Any) -> list[str]:
    return page["ts"] if "ts" in page else [row["ts"] for row in page["results"]]


def test_start_is_inclusive_and_end_exclusive(alice: Person, sent: Any) -> None:
    device, samples = sent
    start, end = (iso(from_ms(samples[number]["ts"])) for number in (3, 6))
    found = alice.telemetry(device, start=start, end=end, order="asc")
    assert [row["accel_x"] for row in found["results"]] == [0.3, 0.4, 0.5]
    bare = alice.telemetry(device, start=str(start).rstrip("Z"), end=str(end).rstrip("Z"), order="asc")
    assert bare == found  # a time without a zone is UTC


def test_without_an_end_nothing_is_too_new(alice: Person) -> None:
    device, at = alice.new_device(), now()
    moments = [at + timedelta(minutes=4), at - timedelta(hours=23), at - timedelta(hours=25)]
    store([message(device, *(reading(number, moment) for number, moment in enumerate(moments)))])
    assert stamps(alice.telemetry(device)) == [iso(moment) for moment in moments[:2]]
    day_before = iso(at - timedelta(hours=24))
    assert stamps(alice.telemetry(device, end=day_before)) == [iso(moments[2])]
    assert len(stamps(alice.telemetry(device, start=iso(at - timedelta(days=2))))) == 3


def test_a_page_takes_few_queries(alice: Person, sent: Any) -> None:
    device, _ = sent
    for query in ({}, {"shape": "columns"}, {"resolution": "1d"}):
        with CaptureQueriesContext(connection) as queries:
            alice.telemetry(device, **query)
        own = [query["sql"] for query in queries if "telemetry_" in query["sql"]]
        assert len(own) == 1, own
        assert len(queries) <= 6


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 10_001},
        {"limit": 0},
        {"limit": "x"},
        {"start": "yesterday"},
        {"start": "\x00"},
        {"end": ""},
        {"order": "up"},
        {"shape": "pie"},
        {"resolution": "2m"},
        {"resolution": "5m\x00"},
        {"cursor": "\x00"},
        {"cursor": "1", "resolution": "raw"},
        {"cursor": "9" * 30, "resolution": "5m"},
        {"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
        {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
    ],
)
def test_bad_queries_are_400(alice: Person, query: dict[str, Any]) -> None:
    answer = alice.ask(alice.new_device(), **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("resolution", ["raw", "5m", "1h", "1d"])
def test_the_ends_of_time_are_no_500(alice: Person, moment: str, resolution: str) -> None:
    device = alice.new_device(since=now())
    for query in ({"start": moment}, {"end": moment}):
        assert alice.ask(device, resolution=resolution, **query).status_code in (200, 400)


def test_owner_stranger_staff_and_nobody(alice: Person, bob: Person, charlie: Person) -> None:
    device = alice.new_device()
    assert alice.ask(device).status_code == charlie.ask(device).status_code == 200
    assert bob.ask(device).status_code == 404
    assert bob.ask(device).json() == bob.ask(uuid4()).json()
    assert Client().get(f"/devices/{device.pk}/telemetry").status_code == 401


def test_the_history_of_a_retired_collar_stays_readable(alice: Person, sent: Any) -> None:
    device, samples = sent
    Device.objects.filter(pk=device.pk).update(status="retired", retired_at=now())
    assert len(stamps(alice.telemetry(device))) == len(samples)
