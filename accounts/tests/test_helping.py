"""Who cannot help themselves is helped by a command on the server."""

import re
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.test import Client

from conftest import PASSWORD
from tools.testing import Api


def run(name: str, email: str) -> str:
    said = StringIO()
    call_command(name, email, stdout=said)
    return said.getvalue()


def test_sessions_are_ended_by_a_command(alice: Api) -> None:
    assert "ended: 1" in run("end_sessions", alice.user.email)
    assert alice.get("/me").status_code == 401


def test_an_address_is_confirmed_by_a_command(alice: Api) -> None:
    EmailAddress.objects.filter(user=alice.user).update(verified=False)
    body = {"email": alice.user.email, "password": PASSWORD}
    assert alice.post("/auth/login", json=body).json()["code"] == "email_unconfirmed"
    run("confirm_address", alice.user.email.upper())
    assert alice.post("/auth/login", json=body).status_code == 200
    with pytest.raises(CommandError, match="confirmed already"):
        run("confirm_address", alice.user.email)


def test_a_lost_second_factor_is_dropped_by_a_command(alice: Api) -> None:
    TOTP.activate(alice.user, generate_totp_secret())
    run("drop_second_factor", alice.user.email)
    assert not Authenticator.objects.filter(user=alice.user).exists()
    assert alice.get("/me").status_code == 401
    assert alice.post("/auth/login", json={"email": alice.user.email, "password": PASSWORD}).status_code == 200


def test_a_link_for_a_new_password_is_sent_by_a_command(alice: Api, outbox: list[EmailMessage]) -> None:
    run("send_reset", alice.user.email)
    (letter,) = outbox
    assert letter.to == [alice.user.email]
    link = re.search(r"https?://\S+?(/account/\S+)", str(letter.body))
    assert link is not None
    page = Client().get(link[1], follow=True)
    assert page.context["form"].fields.keys() == {"password1", "password2"}


def test_nobody_is_helped_who_does_not_exist(db: None) -> None:
    with pytest.raises(CommandError, match="no account"):
        run("end_sessions", "nobody@example.com")
