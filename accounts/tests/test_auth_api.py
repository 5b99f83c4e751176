"""/auth/... and /me, over the running server."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import connection, transaction

from accounts import tokens
from accounts.models import UserSession
from conftest import PASSWORD, make_user
from core.errors import BadToken
from core.times import now
from tools.testing import Api, one_waits_for_a_lock, wait_for


def login(client: httpx.Client, email: str, password: str = PASSWORD) -> httpx.Response:
    return client.post("/auth/login", json={"email": email, "password": password})


def me(client: httpx.Client, access: str) -> httpx.Response:
    return client.get("/me", headers={"Authorization": f"Bearer {access}"})


def test_login_gives_a_pair_and_the_user(anonymous: httpx.Client, live_db: None) -> None:
    user = make_user("alice")
    answer = login(anonymous, user.email.upper())
    assert answer.status_code == 200
    shown = {"id": str(user.pk), "name": "Alice", "email": user.email, "role": "owner"}
    assert answer.json()["user"] == shown
    assert me(anonymous, answer.json()["access"]).json() == shown


def test_an_unknown_e_mail_answers_like_a_wrong_password(anonymous: httpx.Client, live_db: None) -> None:
    user = make_user("alice")
    wrong, unknown = login(anonymous, user.email, "wrong"), login(anonymous, "nobody@example.com")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["code"] == "bad_credentials"


def test_repeated_failures_are_throttled_for_the_account(anonymous: httpx.Client, live_db: None) -> None:
    user = make_user("alice")
    codes = [login(anonymous, user.email, "wrong").status_code for _ in range(11)]
    assert codes == [401] * 10 + [429]
    refused = login(anonymous, user.email)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300


def test_right_passwords_side_by_side_are_not_failures(anonymous: httpx.Client, live_db: None) -> None:
    user, anonymous.timeout = make_user("alice"), 30
    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(lambda _: login(anonymous, user.email).status_code, range(20)))
    assert codes == [200] * 20


def test_wrong_passwords_side_by_side_do_not_slip_past_the_limit(anonymous: httpx.Client, live_db: None) -> None:
    user, anonymous.timeout = make_user("alice"), 30
    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(lambda _: login(anonymous, user.email, "wrong").status_code, range(20)))
    assert sorted(codes) == [401] * 10 + [429] * 10


def test_a_refresh_token_used_twice_at_once_is_good_once(alice: Api) -> None:
    refresh = alice.tokens["refresh"]

    def second() -> None:
        try:
            with pytest.raises(BadToken):
                tokens.rotate(refresh=refresh)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            tokens.rotate(refresh=refresh)
            waiting = pool.submit(second)
            wait_for(one_waits_for_a_lock)
        waiting.result(timeout=10)


def test_refresh_rotates_and_a_second_use_ends_the_family(alice: Api, anonymous: httpx.Client) -> None:
    first = alice.tokens["refresh"]
    second = anonymous.post("/auth/refresh", json={"refresh": first})
    assert second.status_code == 200
    assert me(anonymous, second.json()["access"]).status_code == 200
    assert anonymous.post("/auth/refresh", json={"refresh": first}).status_code == 401
    assert anonymous.post("/auth/refresh", json={"refresh": second.json()["refresh"]}).status_code == 401
    assert me(anonymous, second.json()["access"]).status_code == 401


def test_logout_ends_the_session_at_once(alice: Api, anonymous: httpx.Client) -> None:
    assert anonymous.post("/auth/logout", json={"refresh": alice.tokens["refresh"]}).status_code == 204
    assert alice.get("/me").json()["code"] == "bad_token"
    assert anonymous.post("/auth/refresh", json={"refresh": alice.tokens["refresh"]}).status_code == 401


def test_logout_all_ends_every_session(alice: Api, anonymous: httpx.Client) -> None:
    other = login(anonymous, alice.user.email).json()
    assert alice.post("/auth/logout_all").status_code == 204
    assert alice.get("/me").status_code == 401
    assert me(anonymous, other["access"]).status_code == 401


def test_a_session_ends_by_its_date(alice: Api) -> None:
    UserSession.objects.filter(user=alice.user).update(expires_at=now() - timedelta(seconds=1))
    assert alice.get("/me").status_code == 401


def test_an_inactive_user_is_out(alice: Api) -> None:
    type(alice.user).objects.filter(pk=alice.user.pk).update(is_active=False)
    assert alice.get("/me").status_code == 401
    assert login(alice, alice.user.email).status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Bearer a.b.c", "bearer \xff", "Bearer a b"])
def test_a_bad_bearer_is_401(anonymous: httpx.Client, header: str) -> None:
    answer = anonymous.get("/me", headers={"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_refresh_token_is_no_access_token(alice: Api, anonymous: httpx.Client) -> None:
    assert me(anonymous, alice.tokens["refresh"]).status_code == 401


@contextmanager
def browser(server: str, user: Any) -> Iterator[httpx.Client]:
    """A browser that signed in on the login page."""
    with httpx.Client(base_url=server) as client:
        client.get("/account/login")
        form = {"username": user.email, "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        answer = client.post("/account/login", data=form, headers={"Origin": server})
        assert answer.status_code == 302, answer.text
        yield client


def test_a_browser_session_works_with_its_csrf_token(server: str, live_db: None) -> None:
    user = make_user("alice")
    with browser(server, user) as client:
        assert client.get("/me").json()["email"] == user.email
        refused = client.post("/pets", json={"name": "Rex"})
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
        headers = {"X-CSRFToken": client.cookies["csrftoken"], "Origin": server, "Referer": server}
        assert client.post("/pets", json={"name": "Rex"}, headers=headers).status_code == 201


def test_a_bad_bearer_gets_no_second_try_by_cookie(server: str, live_db: None) -> None:
    with browser(server, make_user("alice")) as client:
        assert client.get("/me", headers={"Authorization": "Bearer x"}).status_code == 401


def test_logout_all_ends_the_browser_too(server: str, sign_in: Callable[..., Api]) -> None:
    alice = sign_in("alice")
    with browser(server, alice.user) as client:
        alice.post("/auth/logout_all")
        assert client.get("/me").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"email": 1}',
        b'{"email": "a\\u0000", "password": "x"}',
        b"\xff",
        b'{"email":"\\ud800","password":"x"}',
    ],
)
def test_bad_bodies_are_400(anonymous: httpx.Client, body: bytes) -> None:
    answer = anonymous.post("/auth/login", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"


def test_unknown_paths_answer_json(anonymous: httpx.Client) -> None:
    answer = anonymous.get("/nothing/here")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "text/html" in anonymous.get("/account/nothing").headers["content-type"]


def test_other_media_types_are_415(anonymous: httpx.Client) -> None:
    assert anonymous.post("/auth/login", data={"email": "a"}).status_code == 415
