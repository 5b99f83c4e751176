"""The admin answers any address: with a page, a way back to the list, or a refusal, and never with a fault of ours."""

import itertools
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from conftest import make_user
from core.models import RateCount
from core.tests.test_admin import MODELS
from tools.testing import WHOLE

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]
VALUES = (
    "",
    "%00",
    "%ff%fe",
    "99999999999999999999",
    "-1",
    "1e400",
    "NaN",
    "0000-00-00",
    "a" * 5000,
    "%F0%9F%90%95",
    "'",
)
OF_DJANGO = (
    "q",
    "o",
    "p",
    "e",
    "all",
    "_facets",
    "_popup",
    "_to_field",
    "_changelist_filters",
    "ot",
    "after",
    "utm_source",
)
DATES = (
    "created_at__year",
    "created_at__gte",
    "event_time__day",
    "event_time__year",
    "at__month",
    "at__date",
    "date__year",
)
OF_LISTS = {"q", "after", "e"}  # the others are read by the same code for a list and for its export
FINE = {200, 302, 400, 403, 404}
MEETS = 3 if WHOLE else 1  # values a parameter, another each time


@pytest.fixture
def desk() -> Client:
    client = Client(headers={"X-Forwarded-Proto": "https", "Host": "localhost"})
    client.force_login(make_user("charlie", role="admin"))
    return client


def _parameters(model: type[Model]) -> Iterator[str]:
    yield from (*OF_DJANGO, *DATES, *(field.name for field in model._meta.fields))
    for one in admin.site._registry[model].list_filter:
        yield one if isinstance(one, str) else str(one.parameter_name)


def _places(model: type[Model]) -> list[str]:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    return [reverse(f"{name}_changelist"), reverse(f"{name}_export")]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_any_parameter_of_a_list_and_of_its_export(desk: Client, model: type[Model]) -> None:
    values = itertools.cycle(VALUES)
    for parameter in dict.fromkeys(_parameters(model)):
        for place in _places(model)[:: 1 if WHOLE or parameter in OF_LISTS else 2]:
            for _ in range(MEETS):
                address = f"{place}?{parameter}={next(values)}"
                assert desk.get(address).status_code in FINE, address


@pytest.mark.parametrize("value", VALUES)
def test_any_page_of_a_list_whose_key_is_text(desk: Client, value: str) -> None:
    assert desk.get(f"{_places(RateCount)[0]}?after={value}").status_code in FINE


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_any_key_in_a_path(desk: Client, model: type[Model]) -> None:
    place = _places(model)[0]
    rests = ("/change/", "/history/", "/delete/", "/", "")
    for at, value in enumerate(VALUES):
        for rest in rests if WHOLE else rests[at % 2 :: 2]:
            assert desk.get(f"{place}{value}{rest}").status_code in FINE, (value, rest)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_any_action_on_anything(desk: Client, model: type[Model]) -> None:
    for action, key in itertools.product(("", "no_such", "delete_selected", "\x00"), ("x", "\x00", "9" * 40)):
        sent = {"action": action, "_selected_action": key, "index": "x", "select_across": "x"}
        assert desk.post(_places(model)[0], sent).status_code in FINE, sent


@pytest.mark.parametrize(
    "path", ["x", "devices", "devices/nothing/", "jsi18n/", "r/x/y/", "autocomplete/", "search/?s=%00"]
)
def test_any_other_path(desk: Client, path: str) -> None:
    assert desk.get(f"/admin/{path}").status_code in FINE
