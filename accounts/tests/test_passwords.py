"""A new password by any door ends the other sessions and is told by mail; one-time codes count once."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.core.management import call_command

from accounts.models import User
from conftest import PASSWORD
from tools.testing import Api, wait_for

NEW = "another good password 7"
Door = Callable[[User, Any], None]


def by_command(user: User, monkeypatch: Any) -> None:
    from django.contrib.auth.management.commands import changepassword

    monkeypatch.setattr(changepassword.getpass, "getpass", lambda prompt="": NEW)
    call_command("changepassword", user.email)


def by_shell(user: User, monkeypatch: Any) -> None:
    found = User.objects.get(pk=user.pk)
    found.set_password(NEW)
    found.save()


def by_shell_of_some_fields(user: User, monkeypatch: Any) -> None:
    found = User.objects.get(pk=user.pk)
    found.set_password(NEW)
    found.save(update_fields=["password"])


@pytest.mark.parametrize("door", [by_command, by_shell, by_shell_of_some_fields])
def test_a_new_password_by_any_door_ends_every_session_and_is_told(
    alice: Api, door: Door, monkeypatch: pytest.MonkeyPatch, outbox: list[EmailMessage]
) -> None:
    door(alice.user, monkeypatch)
    assert alice.get("/me").status_code == 401
    assert alice.post("/auth/refresh", json={"refresh": alice.tokens["refresh"]}).status_code == 401
    assert alice.post("/auth/login", json={"email": alice.user.email, "password": NEW}).status_code == 200
    assert [letter.to for letter in outbox] == [[alice.user.email]]


def test_a_hash_that_is_renewed_at_a_sign_in_ends_nothing(alice: Api) -> None:
    User.objects.get(pk=alice.user.pk).check_password(PASSWORD)
    assert alice.get("/me").status_code == 200


# --- One-time codes ---------------------------------------------------------------------------------


def code_of(secret: str, step: int) -> str:
    """The code of `step` steps from now, with time left in this step to use it."""
    wait_for(lambda: time.time() % 30 < 26)
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + step))


@pytest.fixture
def sign_in_with(alice: Api, anonymous: httpx.Client) -> Callable[[str], int]:
    """Signs alice in with a code of her second factor; the status of the answer."""
    body = {"email": alice.user.email, "password": PASSWORD}
    return lambda otp: anonymous.post("/auth/login", json={**body, "otp": otp}).status_code


def test_a_code_counts_one_step_early_or_late_and_no_more(alice: Api, sign_in_with: Callable[[str], int]) -> None:
    secret = generate_totp_secret()
    TOTP.activate(alice.user, secret)
    assert [sign_in_with(code_of(secret, step)) for step in (-2, -1, 0, 1, 2)] == [401, 200, 200, 200, 401]


def test_a_code_counts_once_for_as_long_as_it_could_count(alice: Api, sign_in_with: Callable[[str], int]) -> None:
    secret = generate_totp_secret()
    factor = TOTP.activate(alice.user, secret)
    code = code_of(secret, 0)
    assert [sign_in_with(code), sign_in_with(code), sign_in_with(f" {code}")] == [200, 401, 401]
    kept = cache._cache.get_client().ttl(cache.make_key(factor._get_used_cache_key(code)))  # type: ignore[attr-defined]
    assert kept > 85
