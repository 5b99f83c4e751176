"""The dashboard: what needs action first, each figure with its list, and no count over samples of a day."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conftest import make_user
from devices.models import Device, TreatEvent
from hetri.core.times import now
from hetri.staff import dashboard
from hetri.staff.models import FleetHour
from hetri.staff.tests.conftest import make_device
from telemetry.models import RejectedMessage, Rollup

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


def test_every_figure_leads_to_a_list(desk: Desk) -> None:
    silent_device()
    browser = desk("support")
    context = browser.get("/admin/").context
    figures = [figure for _, group in context["groups"] for figure in group] + context["needs"]
    assert {browser.get(figure.url).status_code for figure in figures} == {200}


def test_hours_are_counted_once_however_often_the_task_runs() -> None:
    hour = now().replace(minute=0, second=0, microsecond=0)
    zeros = dict.fromkeys(
        [f"accel_{axis}_{what}" for axis in "xyz" for what in ("sum", "min", "max")]
        + ["battery_level_min", "battery_level_max", "active_s", "steps"],
        0,
    )
    for _ in range(2):
        Rollup.objects.create(device=make_device(), width=3600, start=hour, count=7, **zeros)
    dashboard.count_hours()
    dashboard.count_hours()
    assert FleetHour.objects.get(start=hour).samples == 14
    assert dashboard.bars(now())[-1].height == 100


def test_the_dashboard_takes_few_queries_and_bounds_samples(desk: Desk) -> None:
    browser = desk("support")
    with CaptureQueriesContext(connection) as queries:
        browser.get("/admin/")
    assert len(queries) <= 20
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
