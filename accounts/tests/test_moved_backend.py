from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth import BACKEND_SESSION_KEY
from django.db import connection
from django.test import Client

from conftest import make_user

moved = import_module("accounts.migrations.0004_backend_moved")


@pytest.mark.django_db
def test_an_upgrade_signs_nobody_out() -> None:
    browser = Client(headers={"X-Forwarded-Proto": "https", "Host": "localhost"})
    browser.force_login(make_user("alice"))
    session = browser.session
    session[BACKEND_SESSION_KEY] = moved.BEFORE
    session.save()
    assert browser.get("/").status_code == 302
    moved.rename_backend(apps, connection.schema_editor())
    assert browser.get("/").status_code == 200
