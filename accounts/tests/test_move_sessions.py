from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client

from accounts.models import User
from conftest import PASSWORD, make_user

moving = import_module("accounts.migrations.0004_move_sessions")


@pytest.mark.django_db
def test_an_upgrade_signs_nobody_out_even_when_the_hash_is_made_anew_after_it() -> None:
    alice, browser = make_user("alice"), Client(headers={"X-Forwarded-Proto": "https", "Host": "localhost"})
    browser.force_login(alice)
    session = browser.session
    session[BACKEND_SESSION_KEY] = moving.BEFORE
    session[HASH_SESSION_KEY] = next(iter(alice.get_session_auth_fallback_hash()))
    session.save()
    assert browser.get("/").status_code == 302
    session.save()
    moving.move_sessions(apps, connection.schema_editor())
    User.objects.filter(pk=alice.pk).update(password=make_password(PASSWORD))
    assert browser.get("/").status_code == 200


@pytest.mark.django_db
def test_a_session_of_an_older_password_stays_over() -> None:
    alice, browser = make_user("alice"), Client(headers={"X-Forwarded-Proto": "https", "Host": "localhost"})
    browser.force_login(alice)
    session = browser.session
    session[BACKEND_SESSION_KEY], session[HASH_SESSION_KEY] = moving.BEFORE, "of another"
    session.save()
    moving.move_sessions(apps, connection.schema_editor())
    assert browser.get("/").status_code == 302
