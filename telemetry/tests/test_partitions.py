"""The partitions of the sample table: made when missing, ahead, dropped when expired; of any width."""

import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, transaction

from core.ids import floor_key, to_ms
from core.times import now
from devices.models import Device
from telemetry import partitions, tasks
from telemetry.models import Rollup, Sample
from telemetry.services.ingest import store
from telemetry.tests.conftest import message, reading, roll_up, rows
from tools.testing import wait_for

Maker = Callable[..., Device]


def spans() -> list[partitions.Span]:
    with connection.cursor() as cursor:
        return partitions._spans(cursor)


def covered(ms: int) -> bool:
    return any(span.start <= ms // partitions.DAY_MS < span.end for span in spans())


def test_a_missing_one_is_made_on_the_way(make_device: Maker) -> None:
    device = make_device()
    store([message(device, reading(1, now() - timedelta(days=399)), reading(2))])
    assert Sample.objects.filter(device=device).count() == 2


def test_one_that_is_gone_is_made_again(make_device: Maker) -> None:
    device, at = make_device(), now() - timedelta(days=390)
    store([message(device, reading(1, at))])
    (gone,) = (span for span in spans() if span.start <= to_ms(at) // partitions.DAY_MS < span.end)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {gone.name}")
    (receipt,) = store([message(device, reading(2, at), reading(3))])
    assert (receipt.stored, receipt.rejected) == (2, 0)
    assert Sample.objects.filter(device=device).count() == 2


def test_they_are_made_ahead_and_dropped_when_expired(make_device: Maker, settings: Any) -> None:
    device, at = make_device(), now()
    store([message(device, reading(1, at - timedelta(days=30)), reading(2, at - timedelta(days=10)), reading(3))])
    roll_up()
    settings.RETENTION_DAYS = 10
    tasks.make_partitions()
    assert all(covered(to_ms(at + timedelta(days=day))) for day in range(partitions.AHEAD_DAYS + 1))
    assert not covered(to_ms(at - timedelta(days=30)))
    assert sorted(Sample.objects.filter(device=device).values_list("seq", flat=True)) == [2, 3]
    assert Rollup.objects.filter(device=device, width=300).count() == 2
    (receipt,) = store([message(device, reading(4, at - timedelta(days=11)))])
    assert (receipt.stored, receipt.rejected) == (0, 1)


def test_a_clock_that_jumps_ahead_drops_nothing(make_device: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    device, at = make_device(), now()
    store([message(device, reading(1, at - timedelta(days=200)), reading(2, at))])
    monkeypatch.setattr(partitions, "now", lambda: at + timedelta(days=300))
    tasks.make_partitions()
    assert sorted(Sample.objects.filter(device=device).values_list("seq", flat=True)) == [1, 2]


def test_the_width_may_change_at_any_time(make_device: Maker, settings: Any) -> None:
    device, middle = make_device(), now() - timedelta(days=200)
    with connection.cursor() as cursor:
        for span in spans():  # of other tests: none may lie in between
            cursor.execute(f"DROP TABLE {span.name}")
    for width, days in (("day", (-1, 2)), ("week", range(-16, 16)), ("day", range(-24, 24))):
        settings.PARTITION = width
        partitions.forget()
        store([message(device, *(reading(day + 100, middle + timedelta(days=day)) for day in days))])
    assert Sample.objects.filter(device=device).count() == 48
    found = sorted(spans())
    assert all(before.end <= after.start for before, after in pairwise(found))
    assert {span.end - span.start for span in found} >= {1, 7}


def test_they_fit_the_table(make_device: Maker) -> None:
    """Made aside and attached: the keys and indexes of the whole table are on each."""
    device, at = make_device(), now() - timedelta(days=222)
    store([message(device, reading(1, at))])
    name = f"telemetry_sample_{at:%Y%m%d}"
    assert [
        columns
        for (columns,) in rows(
            "SELECT array_agg(attname ORDER BY k.n)::text FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k(a, n) "
            "JOIN pg_attribute ON attrelid = indrelid AND attnum = k.a WHERE indrelid = %s::regclass GROUP BY indexrelid "
            "ORDER BY 1",
            [name],
        )
    ] == ["{device_id,ts,id}", "{id}"]
    plan = "\n".join(
        line
        for (line,) in rows(
            "EXPLAIN SELECT * FROM telemetry_sample WHERE id >= %s AND id < %s",
            [floor_key(to_ms(at)), floor_key(to_ms(at) + 1)],
        )
    )
    assert name in plan
    assert plan.count("telemetry_sample_2") == plan.count(name)


@pytest.mark.usefixtures("live_db")
def test_readers_keep_nobody_waiting() -> None:
    """A long read (a dump) of the table is open while a partition is made; dropping gives up and comes again."""
    at = to_ms(now() - timedelta(days=350))
    partitions.ensure([at])
    reading_it, done = threading.Event(), threading.Event()

    def read() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM telemetry_sample")
            reading_it.set()
            done.wait(20)
        connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    assert reading_it.wait(5)
    try:
        partitions.ensure([at - 8 * partitions.DAY_MS])
        (old,) = (span for span in spans() if span.start == at // partitions.DAY_MS)
        assert not partitions._drop(old)
    finally:
        done.set()
        reader.join()
    wait_for(lambda: partitions._drop(old))
    for span in spans():
        if span.start == at // partitions.DAY_MS - 8:
            assert partitions._drop(span)
