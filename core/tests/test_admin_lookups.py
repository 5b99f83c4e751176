"""No list is an oracle: what may be asked in its address is what its filters ask, over every model and column."""

from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Field, Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from conftest import make_user
from core.tests.test_admin import MODELS
from pets.models import Pet
from staff.models import AuditLine
from tools.testing import WHOLE

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]
LOOKUPS = (
    "",
    "__exact",
    "__iexact",
    "__startswith",
    "__istartswith",
    "__endswith",
    "__contains",
    "__icontains",
    "__regex",
    "__iregex",
    "__gt",
    "__gte",
    "__lt",
    "__lte",
    "__range",
    "__in",
    "__isnull",
    "__date",
    "__year",
    "__length",
    "__lower",
    "__unaccent",
    "__trigram_similar",
    "__search",
    "__has_key",
    "__ip",
    "__battery_level__gt",
)
THROUGH = ("id", "email", "email__startswith", "password__startswith", "name__regex", "owner__email__startswith")


@pytest.fixture
def support() -> Client:
    client = Client(headers={"X-Forwarded-Proto": "https", "Host": "localhost"})
    client.force_login(make_user("charlie", role="staff", group="support"))
    return client


def _place(model: type[Model], what: str) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}")


def _named(model: type[Model]) -> set[str]:
    """What the list's own filters ask."""
    asked = set[str]()
    for one in admin.site._registry[model].list_filter:
        if isinstance(one, str):
            asked |= {one, f"{one}__exact", f"{one}__isnull"}
        else:
            assert issubclass(one, SimpleListFilter)
            asked.add(str(one.parameter_name))
    return asked


def _columns(model: type[Model]) -> list[str]:
    """Every column, and every relation in both directions."""
    names = []
    for field in model._meta.get_fields():
        names += [field.name, field.attname] if isinstance(field, Field) else [field.name]
        if field.is_relation:
            names += [f"{field.name}__{more}" for more in THROUGH]
    return ["pk", *dict.fromkeys(names)]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_only_what_the_filters_name_may_be_asked(rf: RequestFactory, model: type[Model]) -> None:
    room, named, request = admin.site._registry[model], _named(model), rf.get("/")
    asked = {f"{column}{lookup}" for column in _columns(model) for lookup in LOOKUPS}
    assert {lookup for lookup in asked if room.lookup_allowed(lookup, "1", request)} <= named


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_list_its_export_and_its_actions_refuse_the_rest(support: Client, model: type[Model]) -> None:
    chosen = {"action": "ask_treat", "select_across": "1", "_selected_action": "x"}
    doors = [
        lambda asked: support.get(f"{_place(model, 'changelist')}?{asked}"),
        lambda asked: support.get(f"{_place(model, 'export')}?{asked}"),
        lambda asked: support.post(f"{_place(model, 'changelist')}?{asked}", chosen),
    ]
    for at, field in enumerate(model._meta.get_fields()):
        asked = urlencode({f"{field.name}__startswith": "a"})
        for door in doors if WHOLE else [doors[at % 3]]:
            assert door(asked).status_code == 400, asked


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_column_but_the_key_names_a_row(support: Client, model: type[Model]) -> None:
    for field in model._meta.concrete_fields:
        asked = urlencode({"_to_field": field.name, "_popup": "1"})
        expected = 200 if field.primary_key else 400
        assert support.get(f"{_place(model, 'changelist')}?{asked}").status_code == expected, field.name


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_what_the_filters_name_still_works_whatever_its_value(support: Client, model: type[Model]) -> None:
    for name in _named(model):
        for value in ("1", "nonsense", "", "\x00"):
            for what in ("changelist", "export") if WHOLE or value == "\x00" else ("changelist",):
                answer = support.get(f"{_place(model, what)}?{urlencode({name: value})}")
                assert answer.status_code in (200, 302, 400), (name, value, what)


def test_a_list_counts_nothing_for_whoever_asks_it_to(support: Client) -> None:
    assert "(1)" not in support.get("/admin/accounts/user/?_facets=True").content.decode()


def test_the_order_is_by_key_whatever_was_asked(support: Client) -> None:
    owner = make_user("alice")
    first, second = (Pet.objects.create(owner=owner, name=name) for name in ("Zorro", "Anton"))
    for order in ("1", "-1", "3", "name", "owner__password"):
        page = support.get(f"/admin/pets/pet/?o={order}").content.decode()
        assert page.index(str(second.pk)) < page.index(str(first.pk))


@pytest.mark.parametrize("asked", ["password", "argon2", "$m=", "%", "_", ".*"])
def test_searching_people_finds_no_part_of_what_they_keep_to_themselves(support: Client, asked: str) -> None:
    alice = make_user("alice")
    words = (asked, alice.email[:5], alice.password[:30], alice.password)
    for word in words:
        for place in ("/admin/accounts/user/", "/admin/accounts/usersession/", "/admin/streaming/streamsession/"):
            assert str(alice.pk) not in support.get(place, {"q": word}).content.decode(), (place, word)


def test_the_search_beside_the_rooms_finds_rooms_and_nobody(support: Client) -> None:
    alice = make_user("alice")
    for more in ({}, {"extended": "1"}):
        page = support.get("/admin/search/", {"s": alice.email, **more}).content.decode()
        assert str(alice.pk) not in page


def test_an_export_is_on_record_before_it_leaves(support: Client) -> None:
    alice = make_user("alice")
    me = User.objects.get(pk=support.session["_auth_user_id"])
    assert support.get("/admin/accounts/user/export.csv", {"role__exact": "owner", "q": alice.email}).status_code == 200
    line = AuditLine.objects.filter(action="export").latest("id")
    assert (line.actor_id, line.door, line.subject) == (me.pk, "admin", "list")
    assert line.changes["list"] == [None, "accounts.user"]
    assert line.changes["rows"] == [None, 1]
    assert line.changes["filter"][1].startswith("q=al…@example.com")
    assert "role__exact=owner" in line.changes["filter"][1]
    assert str(me.pk) in support.get("/admin/staff/auditline/?action=export").content.decode()


def test_a_refused_export_leaves_no_line(support: Client) -> None:
    support.get("/admin/accounts/user/export.csv?password__startswith=a")
    assert not AuditLine.objects.filter(action="export").exists()


@pytest.mark.parametrize("path", ["/admin/password_change/", "/admin/password_change/done/"])
def test_the_admins_own_pages_for_a_password_are_closed(support: Client, path: str) -> None:
    for ask in (support.get, support.post):
        assert ask(path).status_code == 404


def test_nobody_sets_the_password_of_somebody_else_in_the_admin(support: Client) -> None:
    alice = make_user("alice")
    support.force_login(make_user("root", role="admin"))
    for path in (f"/admin/accounts/user/{alice.pk}/password/", f"/admin/auth/user/{alice.pk}/password/"):
        answer = support.post(path, {"password1": "another horse", "password2": "another horse"}, follow=True)
        assert b"password1" not in answer.content
    form = {"role": "owner", "is_active": "on", "password": "another horse", "email": "evil@example.com"}
    support.post(f"/admin/accounts/user/{alice.pk}/change/", form)
    again = User.objects.get(pk=alice.pk)
    assert (again.password, again.email) == (alice.password, alice.email)
