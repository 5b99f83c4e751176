"""The desk in a real Chromium on the running server, with a collar on the real broker."""

from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import expect

from core.times import now
from devices.models import Device
from staff.models import AuditLine
from staff.tests.conftest import Open
from telemetry.models import RejectedMessage
from tools.testing import Api, Collar


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
    page.wait_for_url("**/devices/device/?**")
    page.get_by_role("link", name=name).click()
    page.wait_for_url("**/change/**")
    expect(page.get_by_text("Silent since")).to_be_visible()
    expect(page.get_by_text("Messages were rejected in the last 24 h, the newest for: bad_clock")).to_be_visible()
    page.get_by_role("link", name="Rotate password").click()
    page.get_by_role("button", name="Rotate password").click()
    password = page.locator("code").inner_text()
    page.get_by_role("link", name=name).click()
    collar = Collar({**made["mqtt"], "password": password}).start()
    expect(page.get_by_text("✓ Online")).to_be_visible()
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
