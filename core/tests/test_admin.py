"""The admin: every model but the sealed ones, staff look and do not touch, owners are kept out."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from conftest import make_user
from core.admin import PAGE_ROWS
from core.models import ClockMark
from devices.models import BrokerTrial
from pets.models import Pet
from provisioning.models import BatchSheet

OURS = ("core", "accounts", "pets", "devices", "telemetry", "streaming", "firmware", "treats", "provisioning", "staff")
SEALED = (
    BatchSheet,
    BrokerTrial,
    ClockMark,
)  # secrets, shown once by a page of their own; what is being tried; one row
MODELS = [model for label in OURS for model in apps.get_app_config(label).get_models() if model not in SEALED]


@pytest.fixture
def https() -> Client:
    return Client(headers={"X-Forwarded-Proto": "https", "Host": "localhost"})


def test_every_model_is_registered_and_none_of_others() -> None:
    assert set(admin.site._registry) == set(MODELS)


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_staff_see_each_list_and_cannot_add(https: Client, model: type[User]) -> None:
    https.force_login(make_user("charlie", role="staff"))
    name = f"{model._meta.app_label}_{model._meta.model_name}"
    assert https.get(reverse(f"admin:{name}_changelist")).status_code == 200
    assert https.get(reverse(f"admin:{name}_add")).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/login/", "/admin/devices/device/", "/admin/devices/device/export.csv"]
)
def test_an_owner_and_a_stranger_find_nothing_there(https: Client, path: str) -> None:
    assert https.get(path).status_code == 404
    https.force_login(make_user("alice"))
    assert https.get(path).status_code == 404


@pytest.mark.django_db
def test_only_the_admin_may_evaluate_scripts(https: Client) -> None:
    https.force_login(make_user("charlie", role="admin"))
    assert "'unsafe-eval'" in https.get("/admin/").headers["Content-Security-Policy"]
    assert "unsafe" not in https.get("/").headers["Content-Security-Policy"]


def _pets(count: int) -> User:
    """So many pets; their owner."""
    owner = make_user("alice")
    for number in range(count):
        Pet.objects.create(owner=owner, name=f"Pet {number:03}")
    return owner


@pytest.mark.django_db
def test_a_list_is_paged_by_key_without_counting(https: Client) -> None:
    _pets(PAGE_ROWS + 1)
    https.force_login(make_user("charlie", role="admin"))
    with CaptureQueriesContext(connection) as queries:
        first = https.get("/admin/pets/pet/").content.decode()
    assert not [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    older = re.search(r'href="(\?after=[^"]+)"', first)
    assert older is not None
    assert "Pet 050" in first
    assert "Pet 000" not in first
    second = https.get(f"/admin/pets/pet/{older.group(1)}").content.decode()
    assert "Pet 000" in second
    assert "Pet 050" not in second
    assert "Older" not in second


@pytest.mark.django_db
def test_a_cursor_of_nonsense_is_refused(https: Client) -> None:
    https.force_login(make_user("charlie", role="admin"))
    answer = https.get("/admin/pets/pet/?after=nonsense")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/pets/pet/?e=1")


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")
def test_a_filtered_list_is_exported_whole_and_runs_no_formulas(https: Client) -> None:
    _pets(3)
    Pet.objects.create(owner=make_user("bob"), name="=1+1", species="dog")
    https.force_login(make_user("charlie", role="admin"))
    everything = b"".join(https.get("/admin/pets/pet/export.csv")).decode("utf-8-sig").splitlines()
    assert len(everything) == 5
    assert b"".join(https.get("/admin/pets/pet/export.csv")).startswith(b"\xef\xbb\xbf")  # Excel knows UTF-8 by it
    dogs = b"".join(https.get("/admin/pets/pet/export.csv?species__exact=dog")).decode("utf-8-sig").splitlines()
    assert len(dogs) == 2
    assert dogs[1].startswith("'=1+1,")


@pytest.mark.django_db
def test_lists_show_no_whole_address(https: Client) -> None:
    alice = _pets(1)
    https.force_login(make_user("charlie", role="admin"))
    for path in ("/admin/pets/pet/", f"/admin/accounts/user/?q={alice.email.upper()}"):
        page = https.get(path).content.decode()
        assert "al…@example.com" in page
        assert f">{alice.email}" not in page
    assert "al…@example.com" not in https.get("/admin/accounts/user/?q=alice").content.decode()


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")
def test_no_page_of_a_person_shows_their_address(https: Client) -> None:
    alice = _pets(1)
    https.force_login(make_user("charlie", role="staff", group="support"))
    base = f"/admin/accounts/user/{alice.pk}"
    completed = "/admin/autocomplete/?app_label=pets&model_name=pet&field_name=owner&term="
    for path in (f"{base}/change/", f"{base}/history/", f"/admin/pets/pet/{alice.pets.get().pk}/change/"):
        answer = https.get(path)
        assert (answer.status_code, alice.email in answer.content.decode()) == (200, False)
    assert https.get(completed).status_code == 404
    exported = b"".join(https.get("/admin/accounts/user/export.csv")).decode()
    assert str(alice.pk) in exported
    assert alice.email not in exported
