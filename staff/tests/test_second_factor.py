"""Staff need the second factor: at the admin, at the API, on pages. Who failed to sign in is seen."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.test import Client

from accounts import failures
from accounts.models import SignInFailure, User, UserSession
from accounts.signin import PER_ACCOUNT
from conftest import PASSWORD, make_user
from core.times import now
from hetri.checks import check_staff
from staff.tests.conftest import lines, make_device

pytestmark = pytest.mark.django_db
Desk = Callable[[str], Client]


@pytest.fixture
def required(settings: Any) -> None:
    cache.clear()
    settings.STAFF_SECOND_FACTOR = True


def user_of(browser: Client) -> User:
    return User.objects.get(pk=browser.session["_auth_user_id"])


def log_in(email: str, password: str = PASSWORD) -> tuple[int, str]:
    body = {"email": email, "password": password}
    answer = Client().post("/auth/login", body, content_type="application/json")
    return answer.status_code, answer.json().get("code", "")


def turn_on(user: User) -> None:
    TOTP.activate(user, generate_totp_secret())


@pytest.mark.usefixtures("required")
@pytest.mark.parametrize("role", ["support", "admin"])
def test_staff_without_it_are_led_to_turn_it_on_and_may_nothing_before(desk: Desk, role: str) -> None:
    device, browser = make_device(make_user("alice")), desk(role)
    for path in ("/admin/", f"/admin/devices/device/{device.pk}/change/", "/admin/devices/device/export.csv"):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/account/second-factor/on")
    for path in (f"/devices/{device.pk}", "/firmware/releases", f"/collar/{device.pk}/"):
        assert browser.get(path).status_code == 404
    assert "Staff need a second factor." in browser.get("/account/").content.decode()
    assert log_in(user_of(browser).email) == (403, "second_factor_needed")


@pytest.mark.usefixtures("required")
def test_staff_with_it_get_in_and_send_its_code_to_the_api(desk: Desk) -> None:
    device, browser = make_device(), desk("support")
    turn_on(user_of(browser))
    assert browser.get("/admin/").status_code == 200
    assert browser.get(f"/devices/{device.pk}").status_code == 200
    assert log_in(user_of(browser).email) == (401, "otp_required")


@pytest.mark.usefixtures("required")
def test_owners_do_without_it_and_staff_cannot_turn_it_off(desk: Desk) -> None:
    assert log_in(make_user("alice").email)[0] == 200
    browser = desk("support")
    turn_on(user_of(browser))
    browser.post("/account/again", {"password": PASSWORD})
    browser.post("/account/second-factor/off")
    assert browser.get("/admin/").status_code == 200


def test_a_public_server_that_does_without_it_is_warned(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR, settings.PUBLIC_URL = False, "https://pets.example"
    assert [warning.id for warning in check_staff(None)] == ["hetri.W012"]
    settings.PUBLIC_URL = "https://localhost:8443"
    assert check_staff(None) == []


def test_turning_it_on_and_off_is_on_record(desk: Desk) -> None:
    user = user_of(desk("support"))
    turn_on(user)
    user.authenticator_set.all().delete()
    found = [(line.action, line.changes) for line in lines(user.pk) if line.subject == "factor"]
    assert found == [("insert", {"type": [None, "totp"]}), ("delete", {"type": ["totp", None]})]


def test_signing_in_and_out_are_a_line_each_by_the_one_who_did(desk: Desk) -> None:
    browser = desk("support")
    user = user_of(browser)
    browser.post("/account/logout")
    began, ended = (line for line in lines(user.pk) if line.subject == "session")
    assert (began.action, began.changes["kind"], began.actor_id) == ("insert", [None, "browser"], user.pk)
    assert (ended.action, sorted(ended.changes), ended.door) == ("update", ["ended_at"], "page")


def test_a_new_role_ends_the_sign_ins_that_were_made_under_the_old_one(desk: Desk) -> None:
    browser, other = desk("owner"), desk("admin")
    user = user_of(browser)
    form = {"role": "staff", "is_active": "on", "groups": []}
    assert other.post(f"/admin/accounts/user/{user.pk}/change/", form).status_code == 302
    assert not UserSession.objects.filter(user=user, ended_at=None).exists()
    assert browser.get("/").status_code == 302


def test_failed_sign_ins_are_counted_by_person_and_day_without_what_was_typed(desk: Desk) -> None:
    cache.clear()
    alice, nobodys = make_user("alice"), SignInFailure.objects.filter(user=None, day=now().date())
    before = sum(nobodys.values_list("wrong", flat=True))
    log_in(alice.email, "not the password")
    for _ in range(9):
        PER_ACCOUNT.spend(alice.email)
    assert log_in(alice.email)[0] == 429
    for address in ("nobody@example.com", "no-one@example.com"):
        log_in(address, "x")
    hers, others = SignInFailure.objects.get(user=alice), nobodys.get()
    assert (hers.wrong, hers.throttled) == (1, 1)
    assert others.wrong - before == 2
    page = desk("support").get(f"/admin/accounts/signinfailure/?q={alice.pk}").content.decode()
    assert str(alice.pk) in page
    SignInFailure.objects.filter(pk=hers.pk).update(day="2001-01-01")
    assert failures.prune() == 1


def test_a_wrong_code_of_the_second_factor_is_counted_too() -> None:
    cache.clear()
    alice, browser = make_user("alice"), Client()
    turn_on(alice)
    browser.post("/account/login", {"username": alice.email, "password": PASSWORD})
    browser.post("/account/second-factor/code", {"code": "000000"})
    assert SignInFailure.objects.get(user=alice).wrong == 1
