"""People at the desk, with a test client or in a real Chromium, and a collar."""

import mimetypes
from collections.abc import Callable, Iterator

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from accounts.models import User
from conftest import PASSWORD, make_user
from devices.models import Device
from staff.models import AuditLine
from tools.testing import Api

Desk = Callable[..., Client]
Open = Callable[[Api], Page]
PATIENCE_MS = 30_000  # a page says what it says as soon as it can; a machine that others use takes its time
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture
def desk(db: None) -> Desk:
    """`desk("support")`: the browser of a member of staff; `desk("admin")` of an admin, `desk("owner")` of an owner."""

    def sit(role: str) -> Client:
        client = Client(headers={"X-Forwarded-Proto": "https", "Host": "localhost"})
        kind = {"support": "staff", "operations": "staff"}.get(role, role)
        client.force_login(make_user(role, role=kind, group=role))
        return client

    return sit


def make_device(owner: User | None = None, name: str = "Rex's collar") -> Device:
    """A collar in the database only."""
    device = Device(name=name, owner=owner, mqtt_pass_hash="x")
    device.mqtt_user = str(device.pk)
    device.save(force_insert=True)
    return device


def lines(subject_id: object) -> list[AuditLine]:
    """What the trail says of it, oldest first."""
    return list(AuditLine.objects.filter(subject_id=str(subject_id)).order_by("id"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Playwright's own event loop runs in this thread; Django must not take it for one of ours."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        expect.set_options(timeout=PATIENCE_MS)
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
