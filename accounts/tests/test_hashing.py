"""Hashing is bounded at every door: two at once, a short wait, then 503 that counts for nobody."""

import threading
from collections.abc import Callable, Iterator

import pytest
from allauth.account.forms import default_token_generator as reset_tokens
from allauth.account.utils import user_pk_to_url_str
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts import hashers
from accounts.models import User, UserSession
from accounts.signin import PER_ACCOUNT, RIGHT
from conftest import PASSWORD, make_user
from core import waiting
from core.models import RateCount
from staff.tests.conftest import make_device
from tools.testing import wait_for

NEW = "another horse entirely"
Door = Callable[[Client, User], HttpResponse]


def login(client: Client, email: str, password: str = PASSWORD) -> HttpResponse:
    return client.post("/auth/login", {"email": email, "password": password}, content_type="application/json")


@pytest.fixture
def alice(db: None) -> User:
    cache.clear()
    return make_user("alice")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def all_hash(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Call it, and every turn of this process is taken by somebody else until the test ends."""
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.2)
    done, held = threading.Event(), threading.Barrier(hashers.AT_ONCE + 1)
    threads: list[threading.Thread] = []

    def hash_on() -> None:
        with hashers.turn():
            held.wait(10)
            done.wait(60)

    def begin() -> None:
        threads.extend(threading.Thread(target=hash_on) for _ in range(hashers.AT_ONCE))
        for thread in threads:
            thread.start()
        held.wait(10)

    yield begin
    done.set()
    for thread in threads:
        thread.join()


def _reset_page(client: Client, user: User) -> str:
    """Where a reset link has led to."""
    path = reverse("account_reset_password_from_key", args=[user_pk_to_url_str(user), reset_tokens.make_token(user)])
    return client.get(path).headers["Location"]


def _reset(client: Client, user: User) -> Callable[[], HttpResponse]:
    other = Client()
    place = _reset_page(other, user)
    return lambda: other.post(place, {"password1": NEW, "password2": NEW})  # type: ignore[return-value]


def _hand_over(client: Client, user: User) -> Callable[[], HttpResponse]:
    place = reverse("collar_hand_over", args=[make_device(user).pk])
    return lambda: client.post(place, {"password": PASSWORD})  # type: ignore[return-value]


def _hand_over_api(client: Client, user: User) -> Callable[[], HttpResponse]:
    device, tokens = make_device(user), login(Client(), user.email)
    bearer = {"Authorization": f"Bearer {tokens.json()['access']}"}  # type: ignore[attr-defined]
    return lambda: client.post(  # type: ignore[return-value]
        f"/devices/{device.pk}/handover", {"password": PASSWORD}, content_type="application/json", headers=bearer
    )


DOORS: dict[str, Callable[[Client, User], Callable[[], HttpResponse]]] = {
    "login": lambda client, user: lambda: login(Client(), user.email),
    "login of nobody": lambda client, user: lambda: login(Client(), "nobody@example.com"),
    "login page": lambda client, user: (
        lambda: Client().post("/account/login", {"username": user.email, "password": PASSWORD})
    ),
    "sign-up": lambda client, user: (
        lambda: Client().post("/account/signup", {"name": "Dora", "email": "dora@example.com", "password1": NEW})
    ),
    "sign-up of somebody known": lambda client, user: (
        lambda: Client().post("/account/signup", {"name": "Dora", "email": user.email, "password1": NEW})
    ),
    "change": lambda client, user: (
        lambda: client.post("/account/password", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
    ),
    "reset": _reset,
    "again": lambda client, user: lambda: client.post("/account/again", {"password": PASSWORD}),
    "delete": lambda client, user: lambda: client.post("/account/delete", {"password": PASSWORD}),
    "hand over": _hand_over,
    "hand over by API": _hand_over_api,
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_answers_503_and_counts_for_nobody_while_all_turns_are_taken(
    door: str, alice: User, all_hash: Callable[[], None]
) -> None:
    before, knock = alice.password, DOORS[door](signed_in(alice), alice)
    RateCount.objects.all().delete()
    all_hash()
    answer = knock()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    if answer.headers["Content-Type"] == "application/json":
        assert answer.json()["code"] == "busy"  # type: ignore[attr-defined]
    else:
        assert "Try again in a few seconds." in answer.content.decode()
    assert sum(RateCount.objects.values_list("count", flat=True)) == 0
    alice.refresh_from_db()
    assert alice.password == before
    assert not User.objects.filter(email="dora@example.com").exists()


def test_who_waits_for_a_turn_holds_no_connection(
    live_db: None, all_hash: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    all_hash()
    asked, pool = threading.Event(), connection.pool  # type: ignore[attr-defined]

    def ask_then_wait() -> None:
        User.objects.exists()
        asked.set()
        with hashers.turn():
            pass

    monkeypatch.setattr(waiting, "PATIENCE_S", 10.0)
    connection.close()
    thread = threading.Thread(target=ask_then_wait)
    thread.start()
    asked.wait(10)
    wait_for(lambda: pool.get_stats()["pool_available"] == pool.get_stats()["pool_size"])
    assert thread.is_alive()


def test_an_old_hash_is_made_anew_at_the_next_right_password_and_signs_nobody_out(alice: User) -> None:
    browser = signed_in(alice)
    old = Argon2PasswordHasher().encode(PASSWORD, "a salt of some length")
    User.objects.filter(pk=alice.pk).update(password=old)
    assert login(Client(), alice.email, "wrong").status_code == 401
    assert User.objects.get(pk=alice.pk).password == old
    assert login(Client(), alice.email).status_code == 200
    assert "$m=19456,t=2,p=1$" in User.objects.get(pk=alice.pk).password
    assert login(Client(), alice.email).status_code == 200
    assert browser.get("/account/").status_code == 200


def test_a_session_of_before_goes_on(alice: User) -> None:
    browser = signed_in(alice)
    session = browser.session
    session["_auth_user_hash"] = next(iter(alice.get_session_auth_fallback_hash()))
    session.save()
    assert browser.get("/account/").status_code == 200


def test_right_sign_ins_are_limited_too_and_wrong_ones_do_not_use_that_up(alice: User) -> None:
    for _ in range(RIGHT.most - 1):
        RIGHT.spend(alice.email)
    assert login(Client(), alice.email, "wrong").status_code == 401
    assert login(Client(), alice.email).status_code == 200
    refused = login(Client(), alice.email)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= RIGHT.seconds


def test_a_person_keeps_so_many_sessions_and_the_oldest_ends(alice: User, settings: object) -> None:
    settings.SESSIONS_PER_PERSON = 3  # type: ignore[attr-defined]
    for _ in range(5):
        assert login(Client(), alice.email).status_code == 200
    of_alice = UserSession.objects.filter(user=alice).order_by("pk")
    assert [session.ended_at is None for session in of_alice] == [False, False, True, True, True]


def test_a_try_whose_process_has_died_counts_and_holds_nobody_up(alice: User) -> None:
    for _ in range(PER_ACCOUNT.most):
        PER_ACCOUNT._take(alice.email)
    RateCount.objects.filter(key__startswith="login-account:").update(held_until="2001-01-01T00:00Z")
    assert login(Client(), alice.email).status_code == 429


def test_what_is_stored_is_as_owasp_says() -> None:
    assert make_password("x").startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
