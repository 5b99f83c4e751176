"""A collar of Alice's with a dog as rows, and a browser on the running server."""

import mimetypes
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize, sync_playwright

from accounts.models import User
from conftest import PASSWORD, make_user
from core.ids import uuid7
from core.times import now
from devices.models import Assignment, Device
from pets.models import Pet
from streaming.models import StreamSession, SupportGrant, Viewing
from telemetry.models import Rollup
from tools.testing import Api, afternoon
from treats.models import TreatEvent

ZONE = afternoon()


@pytest.fixture
def owner(db: None) -> User:
    return make_user("alice")


@pytest.fixture
def stranger(db: None) -> User:
    return make_user("bob")


@pytest.fixture
def staff(db: None) -> User:
    return make_user("charlie", role="staff")


@pytest.fixture
def rex(owner: User) -> Pet:
    return Pet.objects.create(owner=owner, name="Rex", species="dog", time_zone=ZONE, treats_per_day=10)


@pytest.fixture
def collar(owner: User, rex: Pet) -> Device:
    return make_collar(owner, rex, status="online", last_seen=now())


def make_collar(owner: User | None, pet: Pet | None, **fields: Any) -> Device:
    """A provisioned collar as a row."""
    pk = uuid7()
    more: dict[str, Any] = {"name": "Rex's collar", "mqtt_user": str(pk), "mqtt_pass_hash": "x", **fields}
    device = Device.objects.create(pk=pk, owner=owner, pet=pet, **more)
    if owner is not None:
        Assignment.objects.create(device=device, owner=owner, pet=pet, started_at=device.owned_since)
    return device


def make_treat(device: Device, result: str = "dispensed", ago_s: float = 1, **fields: Any) -> TreatEvent:
    """A treat ordered `ago_s` seconds ago by the collar's owner."""
    at = now() - timedelta(seconds=ago_s)
    usual = {"source": "owner", "triggered_by": device.owner, "pet": device.pet, "event_time": at}
    times = {"expires_at": at + timedelta(seconds=30), "settled_at": None if result == "pending" else at}
    return TreatEvent.objects.create(device=device, result=result, **{**usual, **times, **fields})


def add_bucket(
    device: Device, minutes_ago: int, active_s: int, late_at: datetime | None = None, width: int = 300
) -> None:
    """Five minutes of samples, or `width` seconds, as a rollup."""
    start = now().replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)
    start -= timedelta(minutes=start.minute % (width // 60))
    means = {f"accel_{axis}_{kind}": 0 for axis in "xyz" for kind in ("sum", "min", "max")}
    counted = {"battery_level_min": 87.0, "battery_level_max": 88.0, "count": 5, "steps": 0, "active_s": active_s}
    Rollup.objects.create(device=device, width=width, start=start, late_at=late_at, **means, **counted)


def make_viewing(device: Device, viewer: User, seconds: int = 0, granted_by: User | None = None) -> Viewing:
    """Somebody who watched for so long, or who watches now."""
    at = now()
    ended = at if seconds else None
    stream = StreamSession.objects.filter(device=device, state="live").first()
    stream = stream or StreamSession.objects.create(device=device, state="live", key_expires_at=at)
    grant = granted_by and SupportGrant.objects.create(
        device=device, granted_by=granted_by, expires_at=at + timedelta(hours=1)
    )
    times = {"first_seen": at - timedelta(seconds=seconds), "last_seen": at, "ended_at": ended}
    return Viewing.objects.create(stream=stream, viewer=viewer, grant=grant, source="page", **times)


def signed_in(user: User) -> Client:
    """A browser that has logged in."""
    client = Client()
    client.force_login(user)
    return client


PHONE: ViewportSize = {"width": 390, "height": 844}
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Playwright's own event loop runs in this thread; Django must not take it for one of ours."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


def _static(route: Route) -> None:
    """What nginx does in front of the server."""
    path = finders.find(route.request.url.partition("/static/")[2])
    if path is None:
        route.fulfill(status=404)
    else:
        route.fulfill(path=path, content_type=mimetypes.guess_type(path)[0])


@pytest.fixture
def open_page(browser: Browser, server: str) -> Iterator[Open]:
    """`open_page(alice)`: a phone of hers, logged in through the page; without her, the login page. Any error of a script fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def begin(api: Api | None = None, **options: Any) -> Page:
        context = browser.new_context(base_url=server, viewport=PHONE, service_workers="block", **options)
        contexts.append(context)
        context.route("**/static/**", _static)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
        page.goto("/")
        if api is None:
            return page
        page.locator("#id_username").fill(api.user.email)
        page.locator("#id_password").fill(PASSWORD)
        page.locator("form button[type=submit]").click()
        page.wait_for_url(f"{server}/")
        return page

    yield begin
    for context in contexts:
        context.close()
    assert faults == []
