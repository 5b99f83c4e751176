"""treat: HTTP to answer with a collar that answers at once; the floor is an authenticated view that does nothing."""

import os
import ssl
import threading
import time
from collections.abc import Callable

import httpx
import redis
from django.conf import settings

from broker import publisher
from core.times import now
from devices.services.presence import record_report
from tools.benchmarks.people import make_devices, make_owner
from tools.benchmarks.report import percentile, report
from tools.testing import Collar, wait_for

WARM, TIMES = 30, 300


def run() -> None:
    """One at a time, through nginx and daphne."""
    owner, token = make_owner()
    device, credential = make_devices(owner, 1)[0]
    collar = Collar(credential.public(), answers=("dispensed",)).start()
    context = ssl.create_default_context(cafile=str(settings.TLS_CA))
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=os.environ["HETRI_URL"], verify=context, headers=headers) as client:
        wait_for(lambda: client.get(f"/devices/{device.pk}/status").json()["status"] == "online")
        empty = measure(lambda: _expect(client.get("/me"), 200))
        treats = measure(lambda: _expect(client.post(f"/devices/{device.pk}/treat"), 200))
    p50, p99, floor = percentile(treats, 0.5), percentile(treats, 0.99), percentile(empty, 0.5)
    shares = {
        "mqtt_round_trip_ms": 1000 * _round_trip(collar, str(device.pk)),
        "commit_ms": 1000 * percentile(measure(lambda: _commit(device.pk)), 0.5),
        "redis_publish_ms": 1000 * percentile(measure(_redis_publish()), 0.5),
    }
    collar.stop()
    report(
        "treat",
        p50 / floor,
        (p50 * 1000, "ms"),
        (floor * 1000, "ms"),
        p99_ms=p99 * 1000,
        p99_by_p50=p99 / p50,
        **shares,
    )


def measure(call: Callable[[], object]) -> list[float]:
    """Seconds of each of TIMES calls, after some that are not counted."""
    for _ in range(WARM):
        call()
    found = []
    for _ in range(TIMES):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return found


def _expect(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text


def _round_trip(collar: Collar, device_id: str) -> float:
    """p50 of: a command to the collar over TLS and its word back, without us in between."""
    back = threading.Event()
    collar._client.on_message = lambda *_: back.set()

    def once() -> None:
        back.clear()
        publisher.publish(f"devices/{device_id}/cmd/bench", b'{"v":1}')
        assert back.wait(5)

    return percentile(measure(once), 0.5)


def _commit(device_id: object) -> None:
    record_report(device_id=device_id, reported={}, heard_at=now())  # type: ignore[arg-type]


def _redis_publish() -> Callable[[], object]:
    client = redis.Redis.from_url(settings.REDIS_URL)
    return lambda: client.publish("bench", b"x" * 300)
