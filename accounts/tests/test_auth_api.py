"""/auth/... and /me, over the running server."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from accounts.models import UserSession
from conftest import PASSWORD, make_user
from core.times import now
from tools.testing import Api, side_by_side


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


def refreshed(client: httpx.Client, token: str, **headers: str) -> httpx.Response:
    return client.post("/auth/refresh", json={"refresh": token}, headers=headers)


def test_a_refresh_token_used_by_many_at_once_is_good_once_and_once_more(alice: Api, anonymous: httpx.Client) -> None:
    answers = side_by_side(6, lambda: refreshed(anonymous, alice.tokens["refresh"]))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 401, 401, 401, 401]
    assert alice.get("/me").status_code == 401


def test_a_lost_answer_to_a_refresh_is_asked_for_once_more(alice: Api, anonymous: httpx.Client) -> None:
    first = alice.tokens["refresh"]
    assert refreshed(anonymous, first).status_code == 200
    second = refreshed(anonymous, first)
    assert me(anonymous, second.json()["access"]).status_code == 200
    assert refreshed(anonymous, second.json()["refresh"]).status_code == 200


def test_the_third_use_of_a_refresh_token_ends_the_family(alice: Api, anonymous: httpx.Client) -> None:
    first = alice.tokens["refresh"]
    newest = [refreshed(anonymous, first).json() for _ in range(2)][-1]
    assert refreshed(anonymous, first).status_code == 401
    assert refreshed(anonymous, newest["refresh"]).status_code == 401
    assert me(anonymous, newest["access"]).status_code == 401


def test_the_token_before_the_newest_is_good_for_30_s_and_for_the_same_program(
    alice: Api, anonymous: httpx.Client
) -> None:
    for late_s, agent in ((31, None), (0, "another/1.0")):
        session = login(anonymous, alice.user.email).json()
        newest = refreshed(anonymous, session["refresh"]).json()
        UserSession.objects.filter(user=alice.user).update(refreshed_at=now() - timedelta(seconds=late_s))
        headers = {"User-Agent": agent} if agent else {}
        assert refreshed(anonymous, session["refresh"], **headers).status_code == 401
        assert me(anonymous, newest["access"]).status_code == 401


def test_one_of_two_tokens_ago_ends_the_family(alice: Api, anonymous: httpx.Client) -> None:
    first = alice.tokens["refresh"]
    second = refreshed(anonymous, first).json()["refresh"]
    third = refreshed(anonymous, second).json()
    assert refreshed(anonymous, first).status_code == 401
    assert me(anonymous, third["access"]).status_code == 401


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
