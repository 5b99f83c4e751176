"""The dashboard: what needs action first, each figure with its list, and no count over samples of a day."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conftest import make_user
from core import heartbeat, ids
from core.times import now
from devices.models import Device
from firmware.models import Release, UpdateJob
from staff import fleet_stats
from staff.dashboard import Figure
from staff.health import health
from staff.models import FleetHour
from staff.tests.conftest import make_device
from streaming.models import StreamSession
from telemetry.models import RejectedMessage, Rollup
from telemetry.services.ingest import store
from telemetry.tests.conftest import create_device, message, reading
from treats.models import TreatEvent

pytestmark = pytest.mark.django_db
Desk = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _an_empty_fleet(db: None) -> None:
    """What tests on the running server committed is not this test's fleet."""
    RejectedMessage.objects.all().delete()
    TreatEvent.objects.all().delete()
    Device.objects.all().delete()


def silent_device() -> Device:
    device = make_device(name="Silent")
    seen = now() - timedelta(hours=2)
    Device.objects.filter(pk=device.pk).update(status="online", last_seen=seen, reported={"config_version": 1})
    return device


def test_a_fleet_that_is_well_needs_nothing(desk: Desk) -> None:
    make_device()
    assert "<p>None.</p>" in desk("support").get("/admin/").content.decode()


def test_a_silent_collar_needs_action_and_its_figure_leads_to_it(desk: Desk) -> None:
    silent_device()
    make_device(name="New")
    browser = desk("support")
    page = browser.get("/admin/").content.decode()
    assert '<a href="/admin/devices/device/?silent=1h">1</a>' in page
    found = browser.get("/admin/devices/device/?silent=1h").content.decode()
    assert "Silent" in found
    assert ">New<" not in found


def test_a_jam_a_rejection_and_a_config_that_waits_need_action(desk: Desk) -> None:
    device = silent_device()
    Device.objects.filter(pk=device.pk).update(config_version=4)
    RejectedMessage.objects.create(device=device, topic="t", reason="too_old")
    TreatEvent.objects.create(device=device, source="owner", result="jammed", expires_at=now())
    needs = desk("support").get("/admin/").context["needs"]
    assert [(figure.name, figure.value) for figure in needs] == [
        ("silent for over 1 h", "1"),
        ("messages rejected, 24 h", "1"),
        ("treats jammed, 24 h", "1"),
        ("config not applied", "1"),
    ]


def figures_of(browser: Client) -> dict[str, Figure]:
    """All of the page, by name."""
    context = browser.get("/admin/").context
    found = [*context["needs"], *context["fleet"], *context["treats"], *(rate.figure for rate in context["rates"])]
    return {figure.name: figure for figure in found}


def busy_fleet() -> None:
    """One of each thing that is counted, and an older one that is not."""
    device, old = silent_device(), ids.floor_key(ids.to_ms(now() - timedelta(hours=30)))
    for number, key in enumerate((ids.uuid7(), old)):
        parts = {"manifest": b"{}", "signature": b"x", "program": b"y", "size": 1}
        release = Release.objects.create(version=f"9.{number}", board="b", **parts)
        RejectedMessage.objects.create(id=key, device=device, topic="t", reason="too_old")
        for result in ("jammed", "dispensed"):
            event = TreatEvent(device=device, source="owner", result=result, expires_at=now())
            event.pk = UUID(int=key.int + (result == "jammed"))
            event.save(force_insert=True)
        ended = now() - timedelta(hours=30 * number)
        UpdateJob.objects.create(release=release, device=device, state="failed", reason="truncated", ended_at=ended)
    UpdateJob.objects.create(release=release, device=make_device(), state="failed", reason="withdrawn", ended_at=now())
    UpdateJob.objects.create(release=release, device=make_device(), state="downloading")
    for state in ("live", "requested"):
        StreamSession.objects.create(device=make_device(), state=state, key_hash="x", key_expires_at=now())


def test_each_number_is_that_of_the_rows_behind_it(desk: Desk) -> None:
    busy_fleet()
    browser = desk("support")
    figures = figures_of(browser)
    counted = {name: figure for name, figure in figures.items() if figure.value.isdecimal()}
    assert {name: figure.value for name, figure in counted.items() if figure.value != "0"} == {
        "silent for over 1 h": "1",
        "messages rejected, 24 h": "1",
        "treats jammed, 24 h": "1",
        "updates failed, 24 h": "1",
        "silent": "1",
        "never seen": "4",
        "streams live": "1",
        "updates on their way": "1",
        "dispensed": "1",
        "jammed": "1",
        "treats dispensed, 24 h": "1",
    }
    rows = {name: len(browser.get(figure.url).context["cl"].result_list) for name, figure in counted.items()}
    assert rows == {name: int(figure.value) for name, figure in counted.items()}


def test_rate_and_lag_are_of_the_last_minute_and_lead_to_its_samples(desk: Desk) -> None:
    device = create_device()
    store([message(device, reading(1), reading(2))])
    browser = desk("support")
    found = figures_of(browser)
    rate = next(figure for name, figure in found.items() if name.startswith("samples a second"))
    lag = next(figure for name, figure in found.items() if name.startswith("lag"))
    assert lag.value.endswith(" s")
    rows = browser.get(rate.url).context["cl"].result_list
    assert rate.value == f"{len(rows) / 60:.1f}"


def test_a_part_that_beats_is_well_and_one_that_does_not_is_away(desk: Desk) -> None:
    heartbeat.beat("worker")
    told = {part.name: part.well for part in desk("support").get("/admin/").context["health"]}
    assert (told["Database"], told["Redis"], told["Worker"]) == (True, True, True)
    assert told["Beat"] is False
    assert told["Media server"] is False  # these tests run without one


def test_without_redis_nobody_knows_which_parts_are_well(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(heartbeat, "_redis", heartbeat._redis.__wrapped__)
    heartbeat.beat("worker")  # the file is touched all the same
    told = {part.name: part.well for part in health()}
    assert (told["Redis"], told["Worker"], told["Ingest"]) == (False, None, None)


def test_a_line_has_gaps_where_nobody_counted() -> None:
    this = now().replace(minute=0, second=0, microsecond=0)
    counted = {this - timedelta(hours=back): FleetHour(samples=100 * back) for back in (0, 1, 5)}
    line = fleet_stats.line(counted, now(), "samples", "an hour")
    assert [[point.x for point in run] for run in line.runs] == [[185], [225, 235]]
    assert line.most == "500 an hour"
    assert "3 of the last 24 hours, between 0 and 500" in line.said


def test_hours_are_counted_once_however_often_the_task_runs() -> None:
    hour = now().replace(minute=0, second=0, microsecond=0)
    zeros = dict.fromkeys(
        [f"accel_{axis}_{what}" for axis in "xyz" for what in ("sum", "min", "max")]
        + ["battery_level_min", "battery_level_max", "active_s", "steps"],
        0,
    )
    for _ in range(2):
        Rollup.objects.create(device=make_device(), width=3600, start=hour, count=7, **zeros)
    TreatEvent.objects.create(device=make_device(), source="owner", result="dispensed", expires_at=now())
    RejectedMessage.objects.create(topic="t", reason="too_old")
    fleet_stats.count_hours()
    fleet_stats.count_hours()
    found = FleetHour.objects.get(start=hour)
    assert (found.samples, found.treats, found.rejected) == (14, 1, 1)


def test_the_dashboard_takes_few_queries_and_bounds_samples(desk: Desk) -> None:
    browser = desk("support")
    with CaptureQueriesContext(connection) as queries:
        browser.get("/admin/")
    assert len(queries) <= 26
    samples = [query["sql"] for query in queries if 'FROM "telemetry_sample"' in query["sql"]]
    assert samples
    assert all('"telemetry_sample"."id" >=' in sql for sql in samples)


def test_staff_without_a_group_see_no_figures(desk: Desk) -> None:
    charlie = make_user("charlie", role="staff")
    charlie.groups.clear()
    browser = desk("owner")
    browser.force_login(charlie)
    assert "in no group of staff" in browser.get("/admin/").content.decode()
    assert browser.get("/admin/devices/device/").status_code == 403
