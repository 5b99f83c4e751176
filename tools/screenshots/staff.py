"""What there is to see at the staff's desk, where collars are made."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Group
from playwright.sync_api import Page

from accounts.models import User
from core.times import now
from devices.models import Device
from provisioning.models import Batch
from tools.screenshots.people import session_of

Shot = tuple[str, str, str, Callable[[Page], Any] | None]
BATCH = "/admin/provisioning/batch/"
COLLAR = "/admin/devices/device/"


def DESK(collar: Device) -> list[Shot]:  # noqa: N802  (a table that needs ids)
    """Its pages."""
    charlie = _member("charlie", "operations")
    cookie = session_of(charlie)
    running, stalled = _batch(charlie, 380), _batch(charlie, 500)
    ended = {"state": "stopped", "ended_at": now()}
    stopped, shown = _batch(charlie, 150, **ended), _batch(charlie, 150, **ended, shown_at=now(), shown_to=charlie)
    return [
        ("staff-batches", BATCH, cookie, None),
        ("staff-batch-new", f"{BATCH}provision/", cookie, None),
        ("staff-batch-error", f"{BATCH}provision/", cookie, lambda page: _order(page, "5000")),
        ("staff-batch-running", f"{BATCH}{running.pk}/change/", cookie, None),
        ("staff-batch-stalled", f"{BATCH}{stalled.pk}/change/", cookie, lambda page: _stand_still(page, stalled)),
        ("staff-batch-stopped", f"{BATCH}{stopped.pk}/change/", cookie, None),
        ("staff-batch-shown", f"{BATCH}{shown.pk}/change/", cookie, None),
        ("staff-batch-secrets", f"{BATCH}provision/", cookie, _secrets),
        ("staff-batch-print", f"{BATCH}provision/", cookie, _printed),
        ("staff-provision", f"{COLLAR}provision/", cookie, None),
        ("staff-provision-made", f"{COLLAR}provision/", cookie, _provision),
        ("staff-end-stream", f"{COLLAR}act/end_stream/?id={collar.pk}", cookie, None),
        ("staff-collars", COLLAR, cookie, None),
    ]


def _member(name: str, group: str) -> User:
    user = User.objects.create_user(
        f"{name}-{uuid4().hex[:6]}@hetri.example", "a long password", name=name, role="staff"
    )
    user.groups.add(Group.objects.get(name=group))
    return user


def _batch(by: User, made: int, **fields: Any) -> Batch:
    """One that no worker knows of."""
    number = (Batch.objects.order_by("-number").values_list("number", flat=True).first() or 0) + 1
    order = {"number": number, "name": "Collar", "size": 1000, "made": made, "made_by": by, "door": "admin"}
    return Batch.objects.create(**{**order, "moved_at": now() + timedelta(minutes=50), **fields})


def _order(page: Page, size: str) -> None:
    page.get_by_label("How many").fill(size)
    page.get_by_role("button", name="Provision the batch").click()


def _stand_still(page: Page, batch: Batch) -> None:
    """The worker of the pictures' stack may have begun with it since the last picture."""
    again = {"state": "running", "ended_at": None, "made": 500, "moved_at": now() - timedelta(minutes=3)}
    Batch.objects.filter(pk=batch.pk).update(**again)
    page.reload()


def _secrets(page: Page) -> None:
    _order(page, "26")
    page.get_by_role("button", name="Show CSV and labels, once").click(timeout=60_000)
    page.locator(".labels-label").first.wait_for()


def _printed(page: Page) -> None:
    _secrets(page)
    page.emulate_media(media="print")
    size = page.viewport_size
    if size is not None and size["width"] > 800:
        page.pdf(path="var/shots/labels.pdf", prefer_css_page_size=True)


def _provision(page: Page) -> None:
    page.get_by_label("Name").fill("Shelf 4")
    page.get_by_role("button", name="Provision").click()
    page.locator("code").first.wait_for()
