"""Roles: support looks, operations act; what the admin refuses, the API refuses too."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import UserSession
from accounts.roles import OPERATE, REVEAL, may
from conftest import PASSWORD, make_user
from core.times import now
from staff.groups import make_groups
from tools.testing import Api


@pytest.mark.django_db
@pytest.mark.parametrize(("group", "sees", "acts"), [("support", True, False), ("operations", True, True)])
def test_groups_have_their_rights(group: str, sees: bool, acts: bool) -> None:
    charlie = make_user("charlie", role="staff", group=group)
    assert may(charlie, "devices.view_device") is sees
    assert may(charlie, REVEAL) is sees
    assert may(charlie, OPERATE) is acts
    assert not may(charlie, "accounts.change_user")


@pytest.mark.django_db
def test_an_owner_in_a_group_is_still_an_owner() -> None:
    alice = make_user("alice")
    alice.groups.add(Group.objects.get(name="operations"))
    assert not may(alice, OPERATE)


@pytest.mark.django_db
def test_a_right_added_by_hand_is_taken_away_again() -> None:
    support, operations = Group.objects.get(name="support"), Group.objects.get(name="operations")
    support.permissions.set(operations.permissions.all())
    make_groups()
    assert not may(make_user("charlie", role="staff", group="support"), OPERATE)


@pytest.mark.django_db
def test_staff_cannot_raise_themselves(desk: Callable[[str], Client]) -> None:
    browser = desk("operations")
    me = browser.session["_auth_user_id"]
    assert browser.post(f"/admin/accounts/user/{me}/change/", {"role": "admin", "is_active": "on"}).status_code == 403


def test_the_api_lets_support_look_and_nothing_else(alice: Api, sign_in: Callable[..., Api]) -> None:
    device = alice.post("/devices", json={"name": "Rex"}).json()["id"]
    support = sign_in("dana", role="staff", group="support")
    assert support.get(f"/devices/{device}").status_code == 200
    refused = [
        support.patch(f"/devices/{device}", json={"name": "Mine"}),
        support.delete(f"/devices/{device}"),
        support.post(f"/devices/{device}/credentials"),
        support.post(f"/devices/{device}/treat"),
        support.post("/devices", json={"name": "For her", "owner": alice.get("/me").json()["id"]}),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(403, "forbidden")}
    assert alice.get(f"/devices/{device}").json()["name"] == "Rex"


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "hours"), [("support", 12), ("admin", 12), ("owner", 30 * 24)])
def test_a_sign_in_of_staff_holds_a_day_of_work(desk: Callable[[str], Client], role: str, hours: int) -> None:
    session = UserSession.objects.get(pk=desk(role).session["sid"])
    assert round((session.expires_at - session.created_at) / timedelta(hours=1)) == hours


@pytest.mark.django_db
def test_an_old_sign_in_of_staff_finds_no_admin(desk: Callable[[str], Client]) -> None:
    browser = desk("admin")
    assert browser.get("/admin/").status_code == 200
    UserSession.objects.filter(pk=browser.session["sid"]).update(expires_at=now())
    assert browser.get("/admin/").status_code == 404


def test_a_refresh_does_not_prolong_a_sign_in_of_staff(sign_in: Callable[..., Api], alice: Api) -> None:
    for api, prolonged in ((sign_in("charlie", role="staff"), False), (alice, True)):
        pair = api.post("/auth/login", json={"email": api.user.email, "password": PASSWORD}).json()
        session = UserSession.objects.filter(user=api.user).latest("created_at")
        assert api.post("/auth/refresh", json={"refresh": pair["refresh"]}).status_code == 200
        assert (UserSession.objects.get(pk=session.pk).expires_at > session.expires_at) is prolonged
