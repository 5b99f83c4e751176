"""Roles by doors: what the admin refuses a role, the API and the pages refuse it too. And: nothing shows a name."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import SignInFailure, User, UserSession
from conftest import make_user
from core.times import now
from devices.models import Assignment, Device
from firmware.models import Release, UpdateJob
from pets.models import Pet
from staff.tests.conftest import make_device
from streaming.models import StreamSession, SupportGrant, Viewing
from telemetry.models import RejectedMessage
from treats.models import TreatEvent

pytestmark = pytest.mark.django_db
Desk = Callable[[str], Client]
SEES, OPERATES, ADMIN = {"support", "operations", "admin"}, {"operations", "admin"}, {"admin"}
JSON = "application/json"


@dataclass
class World:
    """What the doors lead to, all of it Alice's but the release."""

    alice: User
    device: Device
    release: Release


def _release() -> Release:
    parts = {"manifest": b"{}", "signature": b"x", "program": b"y", "size": 1}
    return Release.objects.create(version=f"9.{Release.objects.count()}.0", board="b", **parts)


@pytest.fixture
def world(db: None) -> World:
    alice = make_user("alice")
    return World(alice, make_device(alice), _release())


def _publish(browser: Client, world: World) -> int:
    """Django's list answers a refused action with the list: what counts is the release."""
    form = {"action": "publish", "_selected_action": str(world.release.pk)}
    browser.post("/admin/firmware/release/", form)
    world.release.refresh_from_db()
    return 200 if world.release.state == "published" else 403


Door = Callable[[Client, World], int]
ADMIN_DEVICE, RELEASES = "/admin/devices/device/", "/firmware/releases"
DOORS: dict[str, tuple[Door, set[str]]] = {
    "admin: front page": (lambda b, w: b.get("/admin/").status_code, {*SEES, "none"}),
    "admin: collars": (lambda b, w: b.get(ADMIN_DEVICE).status_code, SEES),
    "admin: a collar": (lambda b, w: b.get(f"{ADMIN_DEVICE}{w.device.pk}/change/").status_code, SEES),
    "admin: collars as CSV": (lambda b, w: b.get(f"{ADMIN_DEVICE}export.csv").status_code, SEES),
    "admin: ask to retire": (lambda b, w: b.get(f"{ADMIN_DEVICE}act/retire/?id={w.device.pk}").status_code, OPERATES),
    "admin: retire": (lambda b, w: b.post(f"{ADMIN_DEVICE}act/retire/", {"id": w.device.pk}).status_code, OPERATES),
    "admin: rotate": (lambda b, w: b.post(f"{ADMIN_DEVICE}act/rotate/", {"id": w.device.pk}).status_code, OPERATES),
    "admin: treat": (lambda b, w: b.post(f"{ADMIN_DEVICE}act/treat/", {"id": w.device.pk}).status_code, OPERATES),
    "admin: personal data": (lambda b, w: b.get(f"/admin/accounts/user/{w.alice.pk}/reveal/").status_code, SEES),
    "admin: a role": (
        lambda b, w: b.post(f"/admin/accounts/user/{w.alice.pk}/change/", {"role": "staff"}).status_code,
        ADMIN,
    ),
    "admin: publish": (_publish, ADMIN),
    "admin: ask to provision": (lambda b, w: b.get(f"{ADMIN_DEVICE}provision/").status_code, OPERATES),
    "admin: ask for a batch": (lambda b, w: b.get("/admin/provisioning/batch/provision/").status_code, OPERATES),
    "admin: end a stream": (
        lambda b, w: b.post(f"{ADMIN_DEVICE}act/end_stream/", {"id": w.device.pk}).status_code,
        OPERATES,
    ),
    "api: a collar": (lambda b, w: b.get(f"/devices/{w.device.pk}").status_code, SEES),
    "api: rename": (
        lambda b, w: b.patch(f"/devices/{w.device.pk}", {"name": "New"}, content_type=JSON).status_code,
        OPERATES,
    ),
    "api: retire": (lambda b, w: b.delete(f"/devices/{w.device.pk}").status_code, OPERATES),
    "api: rotate": (lambda b, w: b.post(f"/devices/{w.device.pk}/credentials").status_code, OPERATES),
    "api: a collar for her": (
        lambda b, w: b.post("/devices", {"name": "N", "owner": str(w.alice.pk)}, content_type=JSON).status_code,
        OPERATES,
    ),
    "api: releases": (lambda b, w: b.get(RELEASES).status_code, SEES),
    "api: publish": (
        lambda b, w: b.post(f"{RELEASES}/{w.release.pk}/publish", {}, content_type=JSON).status_code,
        ADMIN,
    ),
    "page: a collar": (lambda b, w: b.get(f"/collar/{w.device.pk}/").status_code, SEES),
    "page: its settings": (lambda b, w: b.get(f"/collar/{w.device.pk}/settings").status_code, OPERATES),
    "page: its password": (lambda b, w: b.get(f"/collar/{w.device.pk}/credentials").status_code, OPERATES),
    "page: remove": (lambda b, w: b.get(f"/collar/{w.device.pk}/remove").status_code, OPERATES),
}


def _tried(door: Door, browser: Client, world: World) -> int:
    """The answer; what the door did is undone."""
    with transaction.atomic():
        status = door(browser, world)
        transaction.set_rollback(True)
    return status


@pytest.mark.parametrize("role", ["owner", "none", "support", "operations", "admin"])
def test_each_door_opens_to_the_same_roles(desk: Desk, world: World, role: str) -> None:
    browser = desk("support" if role == "none" else role)
    if role == "none":
        User.objects.get(pk=browser.session["_auth_user_id"]).groups.clear()
    answers = {name: _tried(door, browser, world) for name, (door, _) in DOORS.items()}
    opened = {name for name, status in answers.items() if status < 400}
    assert opened == {name for name, (_, roles) in DOORS.items() if role in roles}, answers
    assert {status for status in answers.values() if status >= 400} <= {403, 404}
    if role == "owner":
        assert {answers[name] for name in DOORS if name.startswith("admin") and name != "admin: publish"} == {404}


def _fill(alice: User, number: int) -> Device:
    """A row of everything, all of it about Alice."""
    pet = Pet.objects.create(owner=alice, name="Rex")
    device = make_device(alice, name=f"Collar {number}")
    Device.objects.filter(pk=device.pk).update(pet=pet, last_seen=now())
    Assignment.objects.create(device=device, owner=alice, pet=pet)
    session = UserSession.objects.create(user=alice, kind="browser", expires_at=now())
    SignInFailure.objects.create(user=alice, day=now().date().replace(year=2000 + number), last_at=now())
    stream = StreamSession.objects.create(device=device, owner=alice, key_hash="x", key_expires_at=now())
    grant = SupportGrant.objects.create(device=device, granted_by=alice, expires_at=now())
    watched = {"first_seen": now(), "last_seen": now(), "source": "page"}
    Viewing.objects.create(stream=stream, viewer=alice, session=session, grant=grant, **watched)
    Viewing.objects.create(stream=stream, viewer=alice, ended_at=now(), **watched)
    TreatEvent.objects.create(device=device, pet=pet, triggered_by=alice, source="owner", expires_at=now())
    RejectedMessage.objects.create(device=device, topic="t", reason="too_old")
    UpdateJob.objects.create(device=device, release=_release())
    return device


LISTS = list(admin.site._registry)


def _pages(device: Device) -> list[str]:
    lists = [reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in LISTS]
    about = [f"{ADMIN_DEVICE}{device.pk}/change/", f"/admin/streaming/viewing/{_viewing(device)}/change/"]
    owners = [f"/collar/{device.pk}/", f"/collar/{device.pk}/treats", f"/collar/{device.pk}/viewers"]
    return [*lists, *about, *owners, f"/devices/{device.pk}/viewings", f"/devices/{device.pk}", "/devices"]


def _viewing(device: Device) -> str:
    return str(Viewing.objects.filter(stream__device=device).values_list("pk", flat=True)[0])


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")
def test_no_page_list_export_or_answer_shows_staff_an_owners_name_or_address(desk: Desk) -> None:
    alice = make_user("alice")
    User.objects.filter(pk=alice.pk).update(name="Alicia Unmistakable")
    device, browser = _fill(alice, 1), desk("operations")
    for path in _pages(device):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert "Unmistakable" not in answer.content.decode(), path
        assert alice.email not in answer.content.decode(), path
    for model in LISTS:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_export"
        exported = b"".join(browser.get(reverse(name))).decode()
        assert alice.email not in exported, model
        assert "Unmistakable" not in exported, model


def test_no_list_takes_more_queries_for_more_rows(desk: Desk) -> None:
    alice, browser = make_user("alice"), desk("operations")
    _fill(alice, 1)

    def counts() -> dict[str, int]:
        found = {}
        for model in LISTS:
            path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            with CaptureQueriesContext(connection) as queries:
                browser.get(path)
            assert not [query["sql"] for query in queries if "COUNT(*)" in query["sql"]], path
            found[path] = len(queries)
        return found

    before = counts()
    _fill(alice, 2)
    _fill(alice, 3)
    assert counts() == before


def test_filters_and_searches_find_what_they_name(desk: Desk) -> None:
    device, browser = _fill(make_user("alice"), 1), desk("support")
    for address in (
        "/admin/treats/treatevent/?source__exact=owner&since=24h",
        "/admin/streaming/streamsession/?state__exact=requested",
        "/admin/streaming/viewing/?source__exact=page",
        "/admin/firmware/updatejob/?progress=running",
        "/admin/telemetry/rejectedmessage/?since=1h",
        "/admin/staff/auditline/?action=insert&subject=device",
    ):
        for query, found in (("", True), (f"&q={device.pk}", True), ("&q=nothing-of-that-name", False)):
            rows = browser.get(f"{address}{query}").context["cl"].result_list
            assert bool(rows) is found, (address, query)
