"""store() on committed data: at once in several threads, through a lost connection, and what it pushes."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import OperationalError, connection, connections

from conftest import make_user
from core.times import now
from devices.models import Device
from telemetry.models import Sample
from telemetry.services.ingest import store
from telemetry.tests.conftest import create_device, message, reading

pytestmark = pytest.mark.usefixtures("live_db")


@pytest.fixture
def pushed() -> Iterator[Any]:
    """`pushed(device)`: the telemetry events about a device so far."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    channel = client.pubsub(ignore_subscribe_messages=True)
    channel.subscribe(settings.LIVE_CHANNEL)
    channel.get_message(timeout=5)
    events: list[dict[str, Any]] = []

    def about(device: Device) -> list[dict[str, Any]]:
        client.publish(settings.LIVE_CHANNEL, json.dumps([{"type": "fence"}]))
        while not events or events[-1]["type"] != "fence":
            found = channel.get_message(timeout=5)
            events.extend(json.loads(found["data"]) if found else [])
        events.pop()
        return [event for event in events if event.get("device") == str(device.pk) and event["type"] == "telemetry"]

    yield about
    channel.close()
    client.close()


def test_the_same_messages_in_four_threads_are_there_once() -> None:
    devices = [create_device() for _ in range(3)]
    batches = [
        message(device, *(reading(number, now() - timedelta(minutes=number)) for number in range(20)), batch=batch)
        for batch in range(5)
        for device in devices
    ]
    failures: list[Exception] = []

    def work(turn: int) -> None:
        try:
            for first in range(0, len(batches), 3):
                while True:
                    try:
                        store((batches[turn:] + batches[:turn])[first : first + 3])
                        break
                    except OperationalError:  # two that lock each other: the subscriber tries again, too
                        connections.close_all()
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    distinct = {(one.device_id, one.seq, one.ts) for one in Sample.objects.filter(device__in=devices)}
    assert len(distinct) == Sample.objects.filter(device__in=devices).count() == len(identities(batches))


def identities(batches: list[Any]) -> set[Any]:
    return {
        (batch.device_id, one["seq"], one["ts"]) for batch in batches for one in json.loads(batch.payload)["samples"]
    }


def test_a_lost_connection_is_an_operational_error_and_loses_nothing() -> None:
    device = create_device()
    batch = [message(device, reading(1))]
    with connection.cursor() as cursor, pytest.raises(OperationalError):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(OperationalError):
        store(batch)
    connections.close_all()
    assert store(batch)[0].stored == 1
    assert Sample.objects.filter(device=device).count() == 1


def test_it_pushes_the_newest_of_what_is_new(pushed: Any) -> None:
    owner, at = make_user("alice"), now()
    device = create_device(owner)
    first = message(device, reading(1, at), reading(2, at - timedelta(seconds=2)))
    store([first, message(device, reading(3, at - timedelta(seconds=1)))])
    (event,) = pushed(device)
    assert (event["type"], event["user"], event["device"]) == ("telemetry", str(owner.pk), str(device.pk))
    device.refresh_from_db()
    assert event["data"] == device.latest
    store([first])
    assert len(pushed(device)) == 1  # a repeat is no news
    store([first, message(device, reading(4, at - timedelta(seconds=3), battery_level=12))])
    assert [event["data"]["battery_level"] for event in pushed(device)] == [87.5, 12]


def test_it_pushes_nothing_of_the_time_before_the_claim(pushed: Any) -> None:
    device = create_device(make_user("bob"), since=now())
    store([message(device, reading(1, now() - timedelta(minutes=1)))])
    assert pushed(device) == []
