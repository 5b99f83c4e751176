"""Staff help a person, each as far as they may, with a reason that the trail keeps."""

import re
from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import User, UserSession
from conftest import make_user
from staff.models import AuditLine
from staff.tests.conftest import make_device

REASON = "She called and proved who she is"


@pytest.fixture
def owner(db: None) -> User:
    return make_user("alice")


@pytest.mark.parametrize(
    ("group", "name", "may"),
    [
        ("support", "end_sessions", True),
        ("operations", "send_reset", True),
        ("support", "confirm_address", False),
        ("operations", "drop_second_factor", False),
        ("admin", "confirm_address", True),
    ],
)
def test_who_may_help_says_why_and_is_on_record(
    desk: Callable[[str], Client], owner: User, group: str, name: str, may: bool
) -> None:
    EmailAddress.objects.filter(user=owner).update(verified=False)
    browser, place = desk(group), f"/admin/accounts/user/{owner.pk}/help/{name}/"
    assert browser.get(place).status_code == (200 if may else 403)
    assert browser.post(place, {"reason": REASON}).status_code == (302 if may else 403)
    assert AuditLine.objects.filter(subject_id=owner.pk, reason=REASON).exists() == may


def test_without_a_reason_nothing_is_done(desk: Callable[[str], Client], owner: User) -> None:
    session = UserSession.objects.filter(user=owner, ended_at=None)
    page = desk("support").post(f"/admin/accounts/user/{owner.pk}/help/end_sessions/", {"reason": "why"})
    assert "Write a reason" in page.content.decode()
    assert not session.filter(ended_at__isnull=False).exists()


def test_a_persons_page_leads_to_the_help(desk: Callable[[str], Client], owner: User) -> None:
    page = desk("admin").get(f"/admin/accounts/user/{owner.pk}/change/").content.decode()
    for name in ("end-sessions", "send-reset", "confirm-address", "drop-second-factor"):
        assert f"ask-{name}" in page


def test_an_answer_that_is_reloaded_does_nothing_again(desk: Callable[[str], Client], owner: User) -> None:
    device, browser = make_device(owner), desk("operations")
    place = "/admin/devices/device/act/send_config/"
    asked = browser.get(place, {"id": str(device.pk)}).content.decode()
    form = dict(re.findall(r'name="(id|key)" value="([^"]+)"', asked))
    assert "what became of each" in browser.post(place, form).content.decode()
    before = AuditLine.objects.filter(device_id=device.pk, action="send").count()
    again = browser.post(place, form, follow=True)
    assert "This was done already" in again.content.decode()
    assert AuditLine.objects.filter(device_id=device.pk, action="send").count() == before


def test_a_link_to_the_desk_leads_who_is_signed_out_to_the_login_and_back(db: None) -> None:
    page = Client(headers={"Accept": "text/html"}).get("/admin/devices/device/?q=rex")
    assert page.status_code == 404
    assert "/account/login?next=/admin/devices/device/%3Fq%3Drex" in page.content.decode()
