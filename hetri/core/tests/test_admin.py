"""The admin: every model of ours is there, staff look and do not touch, owners are kept out."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from conftest import make_user
from hetri.accounts.models import User

OURS = ("core", "accounts", "pets", "devices", "telemetry")
MODELS = [model for label in OURS for model in apps.get_app_config(label).get_models()]


@pytest.fixture
def https() -> Client:
    return Client(headers={"X-Forwarded-Proto": "https", "Host": "localhost"})


def test_every_model_is_registered() -> None:
    assert {model for model in MODELS if not admin.site.is_registered(model)} == set()


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_staff_see_each_list_and_cannot_add(https: Client, model: type[User]) -> None:
    https.force_login(make_user("charlie", role="staff"))
    name = f"{model._meta.app_label}_{model._meta.model_name}"
    assert https.get(reverse(f"admin:{name}_changelist")).status_code == 200
    assert https.get(reverse(f"admin:{name}_add")).status_code == 403


@pytest.mark.django_db
def test_an_owner_is_sent_to_the_login_page(https: Client) -> None:
    https.force_login(make_user("alice"))
    answer = https.get("/admin/")
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, "/admin/login/")
    assert https.get("/admin/login/").headers["Location"] == "/account/login"
