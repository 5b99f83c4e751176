"""The desk in a real Chromium on the running server, with a collar on the real broker."""

import mimetypes
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.contrib.staticfiles import finders
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from conftest import PASSWORD
from devices.models import Device
from hetri.core.times import now
from hetri.staff.models import AuditLine
from hetri.testing import Api, Collar
from telemetry.models import RejectedMessage

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
Open = Callable[[Api], Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Playwright's own event loop runs in this thread; Django must not take it for one of ours."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)


def _static(route: Route) -> None:
    """What nginx does in front of the server."""
    path = finders.find(route.request.url.partition("/static/")[2])
    if path is None:
        route.fulfill(status=404)
    else:
        route.fulfill(path=path, content_type=mimetypes.guess_type(path)[0])


@pytest.fixture
def sit(browser: Browser, server: str) -> Iterator[Open]:
    """`sit(charlie)`: their browser, logged in; a script's error or a breach of the content policy fails the test."""
    faults: list[str] = []
    contexts = []

    def begin(api: Api) -> Page:
        context = browser.new_context(base_url=server, viewport={"width": 1280, "height": 900})
        contexts.append(context)
        context.route("**/static/**", _static)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
        page.goto("/")
        page.get_by_label("E-mail").fill(api.user.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{server}/")
        return page

    yield begin
    for context in contexts:
        context.close()
    assert faults == []


def _silent(device_id: str) -> None:
    """Nothing was heard of the collar for two hours, and the last message was refused."""
    Device.objects.filter(pk=device_id).update(status="online", last_seen=now() - timedelta(hours=2))
    RejectedMessage.objects.create(device_id=device_id, topic="t", reason="bad_clock", payload="{}")


def test_staff_find_a_silent_collar_rotate_it_and_see_it_come_back(sit: Open, alice: Api, charlie: Api) -> None:
    name = f"Quiet {alice.user.pk.hex[-8:]}"
    made = alice.post("/devices", json={"name": name}).json()
    device = made["id"]
    _silent(device)
    page = sit(charlie)
    page.goto("/admin/")
    page.get_by_text("silent for over 1 h").locator("..").get_by_role("link").click()
    page.get_by_role("link", name=name).click()
    expect(page.get_by_text("Silent since")).to_be_visible()
    expect(page.get_by_text("Messages were rejected in the last 24 h, the newest for: bad_clock")).to_be_visible()
    page.get_by_role("link", name="Rotate password").click()
    page.get_by_role("button", name="Rotate password").click()
    password = page.locator("code").inner_text()
    page.get_by_role("link", name=name).click()
    collar = Collar({**made["mqtt"], "password": password}).start()
    expect(page.get_by_text("✓ Online")).to_be_visible(timeout=15_000)
    collar.stop()
    rotated = AuditLine.objects.filter(device_id=device, changes__has_key="mqtt_pass_hash", action="update")
    assert [(line.door, str(line.actor_id)) for line in rotated] == [("admin", str(charlie.user.pk))]


def test_support_has_no_buttons_and_an_owner_no_admin(sit: Open, alice: Api, sign_in: Callable[..., Api]) -> None:
    device = alice.post("/devices", json={"name": "Rex"}).json()["id"]
    page = sit(sign_in("dana", role="staff", group="support"))
    page.goto(f"/admin/devices/device/{device}/change/")
    expect(page.get_by_role("heading", name="Audit")).to_be_visible()
    expect(page.get_by_role("link", name="Retire")).to_have_count(0)
    owner = sit(alice)
    answer = owner.goto("/admin/")
    assert answer is not None
    assert answer.status == 404
