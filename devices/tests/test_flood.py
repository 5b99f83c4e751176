"""One collar lets loose whatever it has; the others do not feel it, and its session is cut."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from broker.registry import registry
from core.times import now
from devices.models import Device
from telemetry.models import RejectedMessage, Sample
from tools.testing import Api, Collar, wait_for
from tools.testing_flood import Flood, Say, garbage, large, presence, results, samples

SOON_S = 5.0  # a second on a machine of one's own (./dev soak flood)
CUT_S = 140.0  # 3 s; ingest that has just started takes a full line for its own fault for up to 120
CollarOf = Callable[..., Collar]
KINDS: dict[str, tuple[str, Say]] = {
    "presence": ("status", presence),
    "results": ("status", results),
    "bad status": ("status", garbage),
    "small telemetry": ("telemetry", samples(1)),
    "full telemetry": ("telemetry", samples(100)),
    "bad telemetry": ("telemetry", garbage),
    "large telemetry": ("telemetry", large),
}


def flood(credentials: dict[str, Any], kind: str, say: Say, **more: Any) -> Flood:
    return Flood(credentials, settings.TLS_CA, kind, say, **more)


def took(work: Callable[[], Any]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def treat(api: Api, device: dict[str, Any]) -> None:
    answer = api.post(f"/devices/{device['id']}/treat", headers={"Prefer": "wait=20"})
    assert (answer.status_code, answer.json()["result"]) == (200, "dispensed")


def acked(collar: Collar, batch: int) -> None:
    collar.send_samples(collar.sample(), batch=batch)
    wait_for(lambda: [told for told in collar.received("ack") if told["batch"] == batch], 30)


@pytest.mark.parametrize("name", KINDS)
def test_a_flood_holds_up_nobody_else(alice: Api, bob: Api, collar_of: CollarOf, name: str) -> None:
    hog, device = alice.new_device(), bob.new_device()
    collar = collar_of(bob, device)
    with flood(hog["mqtt"], *KINDS[name]) as running:
        wait_for(lambda: running.sent)
        for turn in range(3):
            assert took(lambda: treat(bob, device)) < SOON_S
            assert took(lambda: acked(collar, turn)) < SOON_S  # noqa: B023
        wait_for(lambda: running.cut, CUT_S)
    seen = Device.objects.get(pk=hog["id"])
    assert seen.suspended_until is not None
    assert seen.suspended_until > now()


def test_two_floods_at_once_hold_up_nobody_else(alice: Api, bob: Api, collar_of: CollarOf) -> None:
    first, second, device = alice.new_device(), alice.new_device(), bob.new_device()
    collar = collar_of(bob, device)
    with flood(first["mqtt"], "status", results) as one, flood(second["mqtt"], "telemetry", samples(100)) as other:
        wait_for(lambda: one.sent and other.sent)
        for turn in range(3):
            assert took(lambda: treat(bob, device)) < SOON_S
            assert took(lambda: acked(collar, turn)) < SOON_S  # noqa: B023
        wait_for(lambda: one.cut and other.cut, CUT_S)


def test_one_that_was_cut_is_offline_says_why_and_comes_back(alice: Api, collar_of: CollarOf) -> None:
    device = alice.new_device()
    with flood(device["mqtt"], "telemetry", samples(1)) as running:
        wait_for(lambda: running.cut, CUT_S)
    assert alice.get(f"/devices/{device['id']}/status").json()["status"] in ("offline", "never_seen")
    assert Collar(device["mqtt"]).refused()
    why = RejectedMessage.objects.filter(device=device["id"], reason__startswith="too_")
    assert wait_for(why.exists)
    Device.objects.filter(pk=device["id"]).update(suspended_until=now() - timedelta(seconds=1))
    assert registry().sync()
    wait_for(lambda: Collar(device["mqtt"]).accepted())


def test_a_collar_back_from_a_long_outage_is_not_cut(alice: Api, collar_of: CollarOf) -> None:
    """60,000 samples at full speed, of the last week."""
    device = alice.new_device()
    with flood(device["mqtt"], "telemetry", samples(100, apart_ms=10_000), most=600) as running:
        wait_for(lambda: running.sent == 600, 30)
        wait_for(lambda: Sample.objects.filter(device=device["id"]).count() == 60_000, 60)
        assert not running.cut


def test_samples_of_a_year_are_all_stored_and_hold_up_nobody_else(alice: Api, bob: Api, collar_of: CollarOf) -> None:
    old, device = alice.new_device(), bob.new_device()
    collar = collar_of(bob, device)
    with flood(old["mqtt"], "telemetry", samples(10, apart_ms=6_000_000), most=400) as running:
        wait_for(lambda: running.sent == 400)
        for turn in range(3):
            assert took(lambda: treat(bob, device)) < SOON_S
            assert took(lambda: acked(collar, turn)) < SOON_S  # noqa: B023
        wait_for(lambda: Sample.objects.filter(device=old["id"]).count() == 4_000, 120)
        assert not running.cut
