"""Sign-up, passwords, the second factor, sessions, and the end of an account."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from accounts.adapter import SecondFactorAdapter
from accounts.models import User, UserSession
from conftest import PASSWORD
from core.times import now
from hetri.celery import app
from pages.tests.conftest import signed_in
from tools.testing import wait_for

NEW = "another horse entirely"


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    """Limits of earlier tests do not count here."""
    cache.clear()


@pytest.fixture(autouse=True)
def _own_worker() -> Iterator[None]:
    """Tasks are done here: a worker would not see what this test's transaction wrote. test_letters has a real one."""
    app.loader.import_default_modules()  # as a worker does
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def api_login(email: str, **more: str) -> tuple[int, dict[str, object]]:
    body = {"email": email, "password": PASSWORD, **more}
    answer = Client().post("/auth/login", body, content_type="application/json")
    return answer.status_code, answer.json()


def letters() -> list[EmailMessage]:
    """What came by mail so far. The tests' transaction never ends: what waits for its commit is done here."""
    waiting, connection.run_on_commit = connection.run_on_commit, []
    for _, act, _ in waiting:
        act()
    return mail.outbox


def link_in_mail() -> str:
    """The path of the link in the newest mail."""
    found = re.search(r"https?://\S+", str(letters()[-1].body))
    assert found
    return urlsplit(found[0]).path


def sign_up(client: Client, email: str = "dora@example.com") -> None:
    answer = client.post("/account/signup", {"name": "Dora", "email": email, "password1": PASSWORD})
    assert answer.headers["Location"] == "/account/confirm"


def otp(user: User) -> str:
    """The code that an authenticator app shows."""
    secret = Authenticator.objects.get(user=user, type="totp").wrap().instance.data["secret"]
    return code_of(SecondFactorAdapter().decrypt(secret))


def code_of(secret: str) -> str:
    """The authenticator's code, while there is time to use it: the next one comes each 30 s."""
    wait_for(lambda: time.time() % 30 < 28, 3)
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def with_second_factor(user: User) -> Client:
    """Turn it on, through the pages."""
    client = signed_in(user)
    client.post("/account/again?next=/account/second-factor/on", {"password": PASSWORD})
    page = client.get("/account/second-factor/on").content.decode()
    found = re.search(r'class="key">([A-Z2-7]+)<', page)
    assert found, page
    answer = client.post("/account/second-factor/on", {"code": code_of(found[1])})
    assert answer.headers["Location"] == "/account/second-factor/codes"
    return client


def test_signing_up_takes_a_confirmed_address(db: None) -> None:
    client = Client()
    sign_up(client)
    assert client.get("/").status_code == 302
    link = link_in_mail()
    assert "dora@example.com" in client.get(link).content.decode()
    assert client.post(link).headers["Location"] == "/"
    page = client.get("/").content.decode()
    assert "No collar here yet" in page
    user = User.objects.get(email="dora@example.com")
    assert (user.name, user.role) == ("Dora", "owner")
    assert user.password.startswith("argon2")


def test_the_page_after_signing_up_names_the_address_and_so_does_a_login_before_it_is_confirmed(db: None) -> None:
    client, later = Client(), Client()
    sign_up(client)
    assert "dora@example.com" in client.get("/account/confirm").content.decode()
    fields = {"username": "dora@example.com", "password": PASSWORD}
    page = later.post("/account/login", fields, follow=True).content.decode()
    assert "We sent a link to dora@example.com" in page


def test_the_link_is_sent_again_once_in_half_a_minute(db: None) -> None:
    client = Client()
    sign_up(client)
    page = client.post("/account/confirm/again", follow=True).content.decode()
    assert "Sent once more." in page
    assert len(letters()) == 2
    assert client.post(link_in_mail()).headers["Location"] == "/"
    assert "A link was sent just now" in client.post("/account/confirm/again", follow=True).content.decode()
    assert len(letters()) == 2


def test_sending_the_link_again_writes_to_nobody_whose_address_is_confirmed(owner: User) -> None:
    client = Client()
    sign_up(client, owner.email)
    before = len(letters())
    assert "Sent once more." in client.post("/account/confirm/again", follow=True).content.decode()
    assert len(letters()) == before


def test_an_unconfirmed_account_gets_no_token(db: None) -> None:
    sign_up(Client())
    assert api_login("dora@example.com")[1]["code"] == "email_unconfirmed"


def test_a_confirmation_in_another_browser_signs_nobody_in(db: None) -> None:
    sign_up(Client())
    other = Client()
    other.post(link_in_mail())
    assert other.get("/").status_code == 302
    assert api_login("dora@example.com")[0] == 200


def test_signing_up_does_not_tell_who_has_an_account(owner: User) -> None:
    sign_up(Client(), owner.email)
    assert "has an account already" in str(letters()[-1].body)
    assert User.objects.filter(email=owner.email).count() == 1


def test_a_weak_password_is_refused_in_its_place(db: None) -> None:
    page = Client().post("/account/signup", {"name": "Dora", "email": "dora@example.com", "password1": "short"})
    assert 'id="id_password1_error"' in page.content.decode()
    assert not User.objects.filter(email="dora@example.com").exists()


def test_a_reset_password_signs_everybody_out(owner: User) -> None:
    before = signed_in(owner)
    client = Client()
    client.post("/account/password/reset", {"email": owner.email})
    landing = client.get(link_in_mail(), follow=True)
    place = landing.redirect_chain[-1][0]
    assert client.post(place, {"password1": NEW, "password2": NEW}).headers["Location"].endswith("/done")
    assert before.get("/").status_code == 302
    assert not UserSession.objects.filter(user=owner, ended_at=None).exists()
    assert Client().post("/account/login", {"username": owner.email, "password": NEW}).headers["Location"] == "/"


def test_a_reset_for_nobody_looks_the_same_and_sends_nothing(db: None) -> None:
    answer = Client().post("/account/password/reset", {"email": "nobody@example.com"})
    assert answer.headers["Location"] == "/account/password/reset/sent"
    assert letters() == []


def test_a_changed_password_signs_the_others_out(owner: User) -> None:
    here, other = signed_in(owner), signed_in(owner)
    fields = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert here.post("/account/password", fields).headers["Location"] == "/account/"
    assert "Your password is changed." in here.get("/account/").content.decode()
    assert other.get("/account/").status_code == 302


def test_the_present_password_is_asked_for_a_change(owner: User) -> None:
    fields = {"oldpassword": "wrong", "password1": NEW, "password2": NEW}
    assert "This is not your present password." in signed_in(owner).post("/account/password", fields).content.decode()


def test_the_second_factor_is_asked_for_at_the_login(owner: User) -> None:
    with_second_factor(owner)
    client = Client()
    step = client.post("/account/login", {"username": owner.email, "password": PASSWORD, "next": "/pet/"})
    assert step.headers["Location"] == "/account/second-factor/code"
    assert client.get("/").status_code == 302
    assert "This code is wrong" in client.post(step.headers["Location"], {"code": "000000"}).content.decode()
    assert client.post(step.headers["Location"], {"code": otp(owner)}).headers["Location"] == "/pet/"
    assert client.get("/").status_code == 200


def test_programs_send_the_second_factor_with_the_password(owner: User) -> None:
    with_second_factor(owner)
    assert api_login(owner.email)[1]["code"] == "otp_required"
    assert api_login(owner.email, otp="000000") == (401, api_login(owner.email, otp="111111")[1])
    code = otp(owner)
    assert api_login(owner.email, otp=code)[0] == 200
    assert api_login(owner.email, otp=code)[1]["code"] == "otp_required"  # good once


def test_guessing_the_second_factor_is_stopped(owner: User) -> None:
    with_second_factor(owner)
    answers = [api_login(owner.email, otp=f"{number:06}")[0] for number in range(11)]
    assert answers == [401] * 10 + [429]


def test_a_recovery_code_lets_in_once(owner: User) -> None:
    client = with_second_factor(owner)
    found = re.search(r"<code>(\S+)</code>", client.get("/account/second-factor/codes").content.decode())
    assert found
    assert api_login(owner.email, otp=found[1])[0] == 200
    assert api_login(owner.email, otp=found[1])[0] == 401


def test_the_secret_does_not_lie_in_the_database(owner: User) -> None:
    with_second_factor(owner)
    stored = Authenticator.objects.get(user=owner, type="totp").data["secret"]
    assert re.fullmatch(r"[A-Z2-7]{32}", stored) is None


def test_turning_the_second_factor_off_asks_who_it_is(owner: User) -> None:
    with_second_factor(owner)
    answer = signed_in(owner).post("/account/second-factor/off")
    assert answer.status_code == 302
    assert "again" in answer.headers["Location"]
    assert Authenticator.objects.filter(user=owner, type="totp").exists()


def test_logging_out_everywhere_ends_every_session(owner: User) -> None:
    here, other = signed_in(owner), signed_in(owner)
    assert here.post("/account/logout-all").headers["Location"] == "/account/login"
    assert here.get("/account/").status_code == other.get("/account/").status_code == 302
    assert not UserSession.objects.filter(user=owner, ended_at=None).exists()


def test_one_device_can_be_signed_out_and_nobody_elses(owner: User, stranger: User) -> None:
    here, other, theirs = signed_in(owner), signed_in(owner), signed_in(stranger)
    newest = UserSession.objects.filter(user=owner).latest("created_at")
    here.post(f"/account/sessions/{newest.pk}/end")
    here.post(f"/account/sessions/{UserSession.objects.get(user=stranger).pk}/end")
    assert [client.get("/account/").status_code for client in (here, other, theirs)] == [200, 302, 200]


def test_the_name_can_be_changed_and_shows_as_text(owner: User) -> None:
    client = signed_in(owner)
    client.post("/account/profile", {"name": "<b>Al</b> \u202eecila 🐕"})
    page = client.get("/account/").content.decode()
    assert "&lt;b&gt;Al&lt;/b&gt; \u202eecila 🐕" in page


def test_theme_and_language_are_kept_by_the_browser(owner: User) -> None:
    client = signed_in(owner)
    client.post("/account/look", {"language": "de", "theme": "dark"})
    page = client.get("/account/").content.decode()
    assert '<html lang="de" data-theme="dark">' in page


def test_a_theme_that_is_none_is_not_written_into_the_page(owner: User) -> None:
    client = signed_in(owner)
    client.cookies["theme"] = '"><script>'
    assert "data-theme" not in client.get("/account/").content.decode()


def test_deleting_says_before_what_ends_and_what_stays(owner: User) -> None:
    page = signed_in(owner).get("/account/delete").content.decode()
    assert "What ends" in page
    assert "What stays, and why" in page
    assert "for 400 days" in page


def test_deleting_needs_the_password(owner: User) -> None:
    page = signed_in(owner).post("/account/delete", {"password": "wrong"}).content.decode()
    assert "The password is wrong." in page
    assert User.objects.filter(pk=owner.pk).exists()


def test_a_deleted_account_is_gone(owner: User, rex: object) -> None:
    answer = signed_in(owner).post("/account/delete", {"password": PASSWORD})
    assert answer.headers["Location"] == "/account/login"
    assert not User.objects.filter(pk=owner.pk).exists()
    assert api_login(owner.email)[0] == 401


def test_staff_cannot_delete_themselves(staff: User) -> None:
    page = signed_in(staff).post("/account/delete", {"password": PASSWORD}).content.decode()
    assert "Staff accounts are ended by an administrator." in page
    assert User.objects.filter(pk=staff.pk).exists()


def test_an_ended_session_shows_no_account(owner: User) -> None:
    client = signed_in(owner)
    UserSession.objects.filter(user=owner).update(expires_at=now() - timedelta(seconds=1))
    assert client.get("/account/").headers["Location"].startswith("/account/login")


# --- Who may sign up ---


def invite(email: str) -> str:
    said = StringIO()
    call_command("invite_person", email, stdout=said)
    return said.getvalue()


def try_sign_up(client: Client, address: str, link: str = "/account/signup") -> User | None:
    client.post(link, {"name": "Dora", "email": address, "password1": NEW})
    return User.objects.filter(email=address).first()


def test_a_closed_installation_makes_no_accounts(db: None, settings: Any) -> None:
    settings.SIGNUP = "closed"
    assert "No new accounts here" in Client().get("/account/signup").content.decode()
    assert try_sign_up(Client(), "dora@example.com") is None


def test_an_invitation_is_for_its_address_once(db: None, settings: Any) -> None:
    settings.SIGNUP = "invite"
    said = invite("Dora@example.com")
    link = str(re.search(r"/account/signup\?invite=\S+", said)[0])  # type: ignore[index]
    assert letters()[-1].to == ["dora@example.com"]
    assert 'value="dora@example.com"' in Client().get(link).content.decode()
    assert try_sign_up(Client(), "erik@example.com", link) is None
    assert try_sign_up(Client(), "dora@example.com") is None
    assert try_sign_up(Client(), "dora@example.com", link + "x") is None
    assert try_sign_up(Client(), "dora@example.com", link) is not None
    with pytest.raises(CommandError, match="has an account already"):
        invite("dora@example.com")
