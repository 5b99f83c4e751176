"""One collar's screen, the actions on it, and personal data with a reason."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conftest import make_user
from core.times import now
from devices.models import Device
from staff.models import AuditLine
from staff.tests.conftest import lines, make_device
from telemetry.models import RejectedMessage

pytestmark = pytest.mark.django_db
Desk = Callable[[str], Client]
ACT = "/admin/devices/device/act"


def url(device: Device) -> str:
    return f"/admin/devices/device/{device.pk}/change/"


def test_a_screen_says_what_is_wrong_and_hides_the_owner(desk: Desk) -> None:
    alice = make_user("alice")
    device = make_device(alice)
    Device.objects.filter(pk=device.pk).update(status="offline", last_seen=now(), config_version=4)
    message = RejectedMessage.objects.create(device=device, topic="t", reason="too_old <b>")
    page = desk("support").get(url(device)).content.decode()
    assert "Silent since" in page
    assert "Config 4 is not applied for 0 min." in page
    assert "too_old &lt;b&gt;" in page
    assert f"/admin/telemetry/rejectedmessage/{message.pk}/change/" in page
    assert alice.email not in page
    assert "mqtt_pass_hash&#x27;: [" not in page


def test_a_screen_says_that_a_collar_was_cut_for_sending_too_much(desk: Desk) -> None:
    device = make_device(make_user("alice"))
    for until, words in ((now() + timedelta(minutes=1), "is kept out until"), (now(), "was kept out until")):
        Device.objects.filter(pk=device.pk).update(suspended_until=until, suspended_for="too_fast")
        page = desk("support").get(url(device)).content.decode()
        assert f"It sent too much and {words}" in page
    front = desk("support").get("/admin/").content.decode()
    assert "cut for sending too much, 24 h" in front
    assert str(device.pk) in desk("support").get("/admin/devices/device/?cut=24h").content.decode()


def test_a_screen_takes_few_queries(desk: Desk) -> None:
    device, browser = make_device(), desk("support")
    with CaptureQueriesContext(connection) as queries:
        browser.get(url(device))
    assert len(queries) <= 24


@pytest.mark.parametrize("path", ["nonsense", "0192aaaa-0000-7000-8000-000000000000"])
def test_a_collar_that_does_not_exist_is_not_found(desk: Desk, path: str) -> None:
    assert desk("support").get(f"/admin/devices/device/{path}/change/").status_code == 404


def test_support_sees_no_actions_and_cannot_reach_them(desk: Desk) -> None:
    device, browser = make_device(), desk("support")
    assert "/act/" not in browser.get(url(device)).content.decode()
    assert browser.get(f"{ACT}/retire/?id={device.pk}").status_code == 403
    assert browser.post(f"{ACT}/retire/", {"id": device.pk}).status_code == 403
    assert Device.objects.get(pk=device.pk).retired_at is None


def test_asking_changes_nothing(desk: Desk) -> None:
    device = make_device()
    page = desk("operations").get(f"{ACT}/retire/?id={device.pk}").content.decode()
    assert "Broker access ends." in page
    assert Device.objects.get(pk=device.pk).retired_at is None


def test_each_collar_gets_its_own_line(desk: Desk) -> None:
    fresh, gone = make_device(name="Fresh"), make_device(name="Gone")
    Device.objects.filter(pk=gone.pk).update(status="retired", retired_at=now())
    answer = desk("operations").post(f"{ACT}/retire/", {"id": [fresh.pk, gone.pk]})
    assert {(line.device.name, line.outcome) for line in answer.context["lines"]} == {
        ("Fresh", "done"),
        ("Gone", "skipped"),
    }
    assert [sorted(line.changes) for line in lines(fresh.pk)][1:] == [["retired_at"]]
    assert lines(fresh.pk)[-1].door == "admin"


def test_a_rotated_password_is_shown_once_and_recorded_once(desk: Desk) -> None:
    device, browser = make_device(), desk("operations")
    answer = browser.post(f"{ACT}/rotate/", {"id": device.pk})
    password = answer.context["lines"][0].secret
    assert password in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert password not in browser.get(url(device)).content.decode()
    assert [line.changes.get("mqtt_pass_hash", 0) for line in lines(device.pk)][1:] == [None]


def test_a_retired_collar_is_restored_with_one_line(desk: Desk) -> None:
    device, browser = make_device(make_user("alice")), desk("operations")
    browser.post(f"{ACT}/retire/", {"id": device.pk})
    answer = browser.post(f"{ACT}/restore/", {"id": device.pk})
    assert [line.outcome for line in answer.context["lines"]] == ["done"]
    again = Device.objects.get(pk=device.pk)
    assert (again.status, again.retired_at) == ("never_seen", None)
    assert sorted(lines(device.pk)[-1].changes) == ["mqtt_pass_hash", "retired_at"]
    twice = browser.post(f"{ACT}/restore/", {"id": device.pk})
    assert [line.outcome for line in twice.context["lines"]] == ["skipped"]


def test_a_test_treat_for_a_collar_that_is_away_is_skipped_and_in_the_ledger(desk: Desk) -> None:
    device = make_device()
    answer = desk("operations").post(f"{ACT}/treat/", {"id": device.pk})
    assert [line.outcome for line in answer.context["lines"]] == ["skipped"]
    assert device.treats.get().source == "staff"


def test_the_list_leads_to_the_page_that_asks(desk: Desk) -> None:
    device = make_device()
    answer = desk("operations").post(
        "/admin/devices/device/", {"action": "ask_rotate", "_selected_action": str(device.pk)}
    )
    assert answer.headers["Location"] == f"{ACT}/rotate/?id={device.pk}"


@pytest.mark.parametrize("reason", ["", "too short", "x" * 201])
def test_personal_data_needs_a_reason(desk: Desk, reason: str) -> None:
    alice = make_user("alice")
    page = desk("support").post(f"/admin/accounts/user/{alice.pk}/reveal/", {"reason": reason}).content.decode()
    assert alice.email not in page
    assert not AuditLine.objects.filter(action="view").exists()


def test_a_reason_shows_personal_data_and_is_recorded(desk: Desk) -> None:
    alice, browser = make_user("alice"), desk("support")
    page = browser.post(f"/admin/accounts/user/{alice.pk}/reveal/", {"reason": "She asked us to call her"})
    assert alice.email in page.content.decode()
    line = AuditLine.objects.get(action="view")
    assert (line.reason, str(line.subject_id)) == ("She asked us to call her", str(alice.pk))
    assert str(line.actor_id) == browser.session["_auth_user_id"]
