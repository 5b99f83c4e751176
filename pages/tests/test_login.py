"""Login and logout."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User, UserSession
from conftest import PASSWORD
from pages.tests.conftest import signed_in

LOGIN = "/account/login"


def log_in(user: User, password: str = PASSWORD, **more: str) -> tuple[Client, str | None]:
    client = Client()
    answer = client.post(LOGIN, {"username": user.email, "password": password, **more})
    return client, answer.headers.get("Location")


def test_the_right_password_leads_home(owner: User) -> None:
    client, location = log_in(owner)
    assert location == "/"
    assert client.get("/").status_code == 200


def test_the_e_mail_may_be_written_in_capitals(owner: User) -> None:
    client = Client()
    assert client.post(LOGIN, {"username": owner.email.upper(), "password": PASSWORD}).status_code == 302


def test_a_wrong_password_says_so_and_keeps_the_e_mail(owner: User) -> None:
    answer = Client().post(LOGIN, {"username": owner.email, "password": "wrong"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "E-mail or password is wrong." in page
    assert 'role="alert"' in page
    assert f'value="{owner.email}"' in page


def test_empty_fields_are_named_with_links_to_them(db: None) -> None:
    page = Client().post(LOGIN, {}).content.decode()
    assert 'href="#id_username"' in page
    assert 'href="#id_password"' in page


def test_next_leads_back_to_the_page_asked_for(owner: User) -> None:
    wanted = reverse("collar", args=["0192f3c0-0000-7000-8000-000000000000"])
    assert log_in(owner, next=wanted)[1] == wanted


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"])
def test_next_never_leads_to_another_site(owner: User, away: str) -> None:
    assert log_in(owner, next=away)[1] == "/"


def test_somebody_signed_in_needs_no_login(owner: User) -> None:
    assert signed_in(owner).get(LOGIN).headers["Location"] == "/"


def test_logout_ends_the_session(owner: User) -> None:
    client = signed_in(owner)
    assert client.post("/account/logout").headers["Location"] == LOGIN
    assert client.get("/").headers["Location"] == f"{LOGIN}?next=/"
    assert not UserSession.objects.filter(user=owner, ended_at=None).exists()


def test_a_link_cannot_log_anybody_out(owner: User) -> None:
    client = signed_in(owner)
    assert client.get("/account/logout").status_code == 405
    assert client.get("/").status_code == 200


def test_logout_needs_the_token_of_our_own_form(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post("/account/logout").status_code == 403
    assert client.get("/").status_code == 200


@pytest.mark.django_db
def test_a_login_page_that_was_open_before_signing_in_elsewhere_leads_home(owner: User) -> None:
    tabs = Client(enforce_csrf_checks=True)
    stale = _token_on(tabs, "/account/login")
    fields = {"username": owner.email, "password": PASSWORD}
    assert tabs.post("/account/login", {**fields, "csrfmiddlewaretoken": stale}).status_code == 302
    second = tabs.post("/account/login", {**fields, "csrfmiddlewaretoken": stale}, follow=True)
    assert second.redirect_chain == [("/account/login", 303), ("/", 302)]
    assert "open for too long" not in second.content.decode()


@pytest.mark.django_db
def test_a_stale_form_is_shown_anew_with_a_word_on_it() -> None:
    tabs = Client(enforce_csrf_checks=True)
    stale = _token_on(tabs, "/account/signup")
    tabs.cookies.pop("csrftoken")
    answer = tabs.post("/account/signup", {"csrfmiddlewaretoken": stale}, follow=True)
    assert answer.redirect_chain == [("/account/signup", 303)]
    assert "This page was open for too long, so nothing was sent." in answer.content.decode()


@pytest.mark.django_db
def test_a_form_from_elsewhere_is_still_refused() -> None:
    tabs = Client(enforce_csrf_checks=True)
    stale = _token_on(tabs, "/account/login")
    answer = tabs.post("/account/login", {"csrfmiddlewaretoken": stale}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def _token_on(client: Client, path: str) -> str:
    return client.get(path).content.decode().partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
