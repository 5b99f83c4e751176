"""Rollups: late samples correct them, two loops may run side by side, a lost database is waited for."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection

from core.times import now
from devices.models import Device
from telemetry.models import Rollup
from telemetry.services import rollups
from telemetry.services.ingest import store
from telemetry.services.rollups import RollupLoop, recompute
from telemetry.tests.conftest import create_device, message, reading, sample_at
from tools.testing import wait_for

Maker = Callable[..., Device]


def buckets(device: Device) -> list[tuple[int, int, float]]:
    found = Rollup.objects.filter(device=device).order_by("width", "start")
    return list(found.values_list("width", "count", "battery_level_min"))


def an_hour_ago() -> datetime:
    return now().replace(minute=10, second=0, microsecond=0) - timedelta(hours=1)


def test_late_samples_correct_them(make_device: Maker) -> None:
    device, at = make_device(), an_hour_ago()
    sample_at(device, at, battery_level=50)
    sample_at(device, at + timedelta(minutes=1), battery_level=40)
    assert buckets(device) == [(300, 2, 40.0), (3600, 2, 40.0)]


def test_they_know_when_late_samples_came(make_device: Maker) -> None:
    device, at = make_device(), now()
    sample_at(device, at - timedelta(hours=2), at)
    late = Rollup.objects.filter(device=device, width=300).order_by("start").values_list("late_at", flat=True)
    came, in_time = late
    assert in_time is None
    assert came is not None
    assert abs(came - at) < timedelta(seconds=30)


def test_a_very_late_sample_beside_a_new_one(make_device: Maker) -> None:
    device, at = make_device(), an_hour_ago()
    sample_at(device, at, at - timedelta(days=398))
    assert buckets(device) == [(300, 1, 87.5)] * 2 + [(3600, 1, 87.5)] * 2


def test_few_marks_at_a_time_end_with_the_same(make_device: Maker) -> None:
    device, at = make_device(), an_hour_ago()
    store([message(device, *(reading(number, at + timedelta(minutes=number)) for number in range(30)))])
    while recompute(limit=1):
        pass
    assert [row[:2] for row in buckets(device)] == [(300, 5)] * 6 + [(3600, 30)]


def test_marks_of_long_ago_hold_up_nobodys_recent_ones(make_device: Maker) -> None:
    scattered, device, at = make_device(), make_device(), an_hour_ago()
    long_ago = (at - timedelta(days=9, minutes=6 * number) for number in range(2 * rollups.LATE_MOST))
    for batch in range(20):
        store([message(scattered, *(reading(batch * 50 + number, next(long_ago)) for number in range(50)))])
    store([message(device, reading(1, at))])
    rollups.recompute_recent()
    assert buckets(device) == [(300, 1, 87.5), (3600, 1, 87.5)]
    assert buckets(scattered) == []
    assert rollups.recompute_late() == rollups.LATE_MOST
    while recompute():
        pass
    assert Rollup.objects.filter(device=scattered, width=300).count() == 2 * rollups.LATE_MOST


@pytest.mark.usefixtures("live_db")
def test_two_loops_keep_up_and_survive_a_lost_connection() -> None:
    device, at, stopping = create_device(), an_hour_ago(), threading.Event()
    loops = [threading.Thread(target=RollupLoop(stopping).run) for _ in range(2)]
    for loop in loops:
        loop.start()
    try:
        for number in range(10):
            store([message(device, reading(number, at + timedelta(seconds=number)))])
            if number == 5:
                cut_other_connections()
        wait_for(lambda: buckets(device) == [(300, 10, 87.5), (3600, 10, 87.5)], 2)
        assert all(loop.is_alive() for loop in loops)
    finally:
        stopping.set()
        for loop in loops:
            loop.join(5)
    assert not any(loop.is_alive() for loop in loops)


def cut_other_connections() -> None:
    """As a restart of the database does to them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND query LIKE '%telemetry_rollupmark%' AND pid <> pg_backend_pid()"
        )
