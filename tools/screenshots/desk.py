"""The staff's front page, every list, one collar, and what an action asks and says."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import reverse
from playwright.sync_api import Page

from accounts import failures
from accounts.models import User
from core.times import now
from devices.models import Device
from firmware.models import Release, UpdateJob
from staff.fleet_stats import count_hours
from staff.models import FleetHour
from streaming.models import StreamSession, Viewing
from telemetry.models import RejectedMessage

Shot = tuple[str, str, str, Callable[[Page], Any] | None]
DEVICE = "/admin/devices/device/"


def make_desk(device: Device, away: Device) -> User:
    """An admin, and what the lists show beside the owners' things."""
    user = User.objects.create_user(
        f"dana-{uuid4().hex[:6]}@hetri.example", "a long password", name="Dana", role="admin"
    )
    user.groups.add(Group.objects.get(name="operations"))
    parts = {"manifest": b"{}", "signature": b"x", "program": b"y", "size": 41_000, "notes": "Smaller batches"}
    release = Release.objects.create(version="1.1.0", board="esp32", state="published", percent=10, **parts)
    UpdateJob.objects.create(release=release, device=device, state="failed", reason="no_space", ended_at=now())
    UpdateJob.objects.create(release=release, device=away, state="offered")
    began = now() - timedelta(minutes=50)
    over = {"state": "ended", "reason": "unwatched", "live_at": began, "ended_at": now(), "requested_at": began}
    stream = StreamSession.objects.create(device=device, owner=device.owner, key_hash="", key_expires_at=now(), **over)
    seen = {"first_seen": began, "last_seen": now(), "ended_at": now(), "source": "page"}
    Viewing.objects.create(stream=stream, viewer=device.owner, **seen)
    told = {
        "topic": f"devices/{device.pk}/telemetry",
        "payload": '{"v": 1, "boot": "9f3a61c2", "samples": [{"seq": -1}]}',
    }
    RejectedMessage.objects.create(device=device, reason="samples.0.seq: a whole number from 0 on", **told)
    Device.objects.filter(pk=device.pk).update(config_version=2)
    failures.count(email=device.owner.email if device.owner else "")
    failures.count(email="nobody@hetri.example", throttled=True)
    count_hours()
    FleetHour.objects.update(lag_ms=1400)
    return user


def _submit(page: Page) -> None:
    page.locator(".staff form button[type=submit]").click()


def _reveal(page: Page) -> None:
    page.get_by_label("Reason").fill("She asked us to call her back")
    _submit(page)


def LISTS(cookie: str, device: Device, away: Device) -> list[Shot]:  # noqa: N802  (a table that needs ids)
    """All of it; lists by their model's name."""
    names = [(model._meta.app_label, model._meta.model_name) for model in admin.site._registry]
    lists = [(f"desk-list-{name}", reverse(f"admin:{app}_{name}_changelist"), cookie, None) for app, name in names]
    person = f"/admin/accounts/user/{device.owner_id}/"
    return [
        ("desk", "/admin/", cookie, None),
        *lists,
        ("desk-list-filtered", f"{DEVICE}?silent=1h&presence=offline", cookie, None),
        ("desk-list-empty", f"{DEVICE}?q=no+such+collar", cookie, None),
        ("desk-collar", f"{DEVICE}{device.pk}/change/", cookie, None),
        ("desk-collar-away", f"{DEVICE}{away.pk}/change/", cookie, None),
        ("desk-act", f"{DEVICE}act/retire/?id={away.pk}", cookie, None),
        ("desk-act-done", f"{DEVICE}act/send_config/?id={device.pk}&id={away.pk}", cookie, _submit),
        ("desk-reveal", f"{person}reveal/", cookie, None),
        ("desk-revealed", f"{person}reveal/", cookie, _reveal),
        ("desk-person", f"{person}change/", cookie, None),
    ]
