"""The audit trail: once per action, in the action's transaction, never changed, without personal data."""

import csv
import io
import json
import uuid
from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.test import Client

from accounts.models import User
from conftest import make_user
from core import audit
from core.redaction import masked
from devices.models import Device
from firmware.models import Release
from pets.models import Pet, PetPicture
from staff.audited import AUDITED, TABLES, Audited, renew_triggers
from staff.models import AuditLine
from staff.tests.conftest import Desk, lines, make_device
from streaming.services import support

pytestmark = pytest.mark.django_db


def test_a_line_holds_before_and_after() -> None:
    device = make_device(name="Old")
    Device.objects.filter(pk=device.pk).update(name="New")
    made, renamed = lines(device.pk)
    assert (made.action, made.changes["name"]) == ("insert", [None, "Old"])
    assert (renamed.action, renamed.changes) == ("update", {"name": ["Old", "New"]})
    assert renamed.device_id == device.pk


def test_personal_and_secret_fields_are_named_only() -> None:
    alice = make_user("alice")
    device = make_device(alice)
    User.objects.filter(pk=alice.pk).update(email="new@example.com")
    Device.objects.filter(pk=device.pk).update(mqtt_pass_hash="$7$secret")
    assert lines(alice.pk)[-1].changes == {"email": None}
    assert lines(device.pk)[-1].changes == {"mqtt_pass_hash": None}
    assert not AuditLine.objects.filter(changes__icontains="example.com").exists()


def test_a_write_that_changes_nothing_leaves_no_line() -> None:
    device = make_device()
    Device.objects.filter(pk=device.pk).update(name=device.name)
    assert [line.action for line in lines(device.pk)] == ["insert"]


def test_telemetry_leaves_no_line() -> None:
    device = make_device()
    Device.objects.filter(pk=device.pk).update(latest={"battery_level": 50}, status="online", reported={"v": 1})
    assert [line.action for line in lines(device.pk)] == ["insert"]


def test_how_far_a_release_went_is_on_record_and_its_program_is_not() -> None:
    parts = {"manifest": b"{}", "signature": b"x", "program": b"y", "size": 1}
    release = Release.objects.create(version="9.9.9", board="b", **parts)
    Release.objects.filter(pk=release.pk).update(state="published", percent=10)
    made, rolled_out = lines(release.pk)
    assert made.changes["version"] == [None, "9.9.9"]
    assert rolled_out.changes == {"state": ["draft", "published"], "percent": [0, 10]}


def test_what_an_owner_allows_support_is_on_record_with_the_collar() -> None:
    alice = make_user("alice")
    device = make_device(alice)
    granted = support.grant_support(device=device, by=alice, minutes=15)
    support.withdraw_support(device=device, by=alice)
    allowed, ended = lines(granted.pk)
    assert (allowed.action, allowed.device_id, allowed.subject) == ("insert", device.pk, "grant")
    assert ended.changes["ended_at"][0] is None


def test_a_rolled_back_action_leaves_no_line() -> None:
    device = make_device()
    with pytest.raises(RuntimeError), transaction.atomic():
        Device.objects.filter(pk=device.pk).update(name="Never")
        raise RuntimeError
    assert [line.action for line in lines(device.pk)] == ["insert"]


@pytest.mark.parametrize(
    "statement", ["UPDATE staff_auditline SET door = 'x'", "DELETE FROM staff_auditline", "TRUNCATE staff_auditline"]
)
def test_the_applications_database_user_cannot_change_it(statement: str) -> None:
    make_device()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_deleting_an_account_stays_possible_and_is_on_record() -> None:
    alice = make_user("alice")
    identity = alice.pk
    alice.delete()
    assert lines(identity)[-1].action == "delete"


def test_the_admin_writes_who_and_by_which_door(desk: Callable[[str], Client]) -> None:
    browser, bob = desk("admin"), make_user("bob")
    group = Group.objects.get(name="support")
    form = {"role": "staff", "is_active": "on", "groups": [group.pk]}
    answer = browser.post(f"/admin/accounts/user/{bob.pk}/change/", form, headers={"X-Request-ID": "request-1234"})
    assert answer.status_code == 302
    role, joined = (line for line in lines(bob.pk) if line.request_id == "request-1234")
    assert (role.door, role.changes) == ("admin", {"role": ["owner", "staff"]})
    assert joined.changes == {"group_id": [None, group.pk]}
    assert str(role.actor_id) == browser.session["_auth_user_id"]


def test_a_command_is_named_as_one() -> None:
    tokens = audit.door.set("command"), audit.user.set("")
    try:
        device = make_device()
    finally:
        audit.door.reset(tokens[0])
        audit.user.reset(tokens[1])
    assert [(line.door, line.actor_id) for line in lines(device.pk)] == [("command", None)]


def test_what_the_machine_does_next_is_not_put_to_the_one_before() -> None:
    someone = uuid.uuid4()
    audit.user.set(str(someone))
    audit.door.set("api")
    theirs = make_device()
    audit.user.set("")
    audit.door.set("system")
    ours = make_device()
    first, second = lines(theirs.pk)[0], lines(ours.pk)[0]
    assert (first.actor_id, first.door) == (someone, "api")
    assert (second.actor_id, second.door) == (None, "system")


@pytest.mark.parametrize("one", AUDITED, ids=lambda one: one.table)
def test_each_column_is_watched_or_named_as_unwatched(one: Audited) -> None:
    models = apps.get_models(include_auto_created=True)
    (model,) = [model for model in models if model._meta.db_table == one.table]
    columns = {field.column for field in model._meta.concrete_fields}
    assert {*one.watched, *one.unwatched} == columns
    assert set(one.watched).isdisjoint(one.unwatched)
    assert set(one.secret) <= set(one.watched)


def test_the_triggers_are_those_of_the_table_and_no_others() -> None:
    assert renew_triggers() == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgfoid = 'staff_audit'::regproc")
        assert {table for (table,) in cursor.fetchall()} == set(TABLES)


def test_a_trigger_of_an_older_table_is_made_anew() -> None:
    with connection.cursor() as cursor:
        cursor.execute("COMMENT ON TRIGGER audit ON pets_pet IS NULL")
        cursor.execute("DROP TRIGGER audit ON devices_batch")
    assert renew_triggers() == ["pets_pet", "devices_batch"]
    pet = Pet.objects.create(owner=make_user("alice"), name="Rex")
    assert [line.action for line in lines(pet.pk)] == ["insert"]


def test_each_audited_table_is_told_who_acts() -> None:
    assert [table for table in TABLES if not audit._audited.match(f'UPDATE "{table}" SET')] == []
    assert not audit._audited.match('UPDATE "devices_sentcommand" SET')


def test_a_picture_of_a_pet_is_named_and_not_kept() -> None:
    pet = Pet.objects.create(owner=make_user("alice"), name="Rex")
    PetPicture.objects.create(pet=pet, content=b"webp")
    made = lines(pet.pk)[-1]
    assert (made.subject, made.changes) == ("picture", {"content": None})


def test_a_config_that_is_sent_again_leaves_one_line_of_who_sent_it(desk: Desk) -> None:
    device = make_device()
    desk("operations").post("/admin/devices/device/act/send_config/", {"id": [device.pk]})
    sent = [line for line in lines(device.pk) if line.action == "send"]
    assert [(line.door, line.changes) for line in sent] == [("admin", {"config_version": [1, 1]})]
    assert sent[0].actor_id is not None


def test_the_trail_names_people_and_collars_and_finds_them_by_mail(desk: Desk) -> None:
    browser, device = desk("operations"), make_device()
    by = User.objects.get(pk=browser.session["_auth_user_id"])
    browser.post("/admin/devices/device/act/send_config/", {"id": [device.pk]})
    page = browser.get("/admin/staff/auditline/", {"q": by.email.upper()}).content.decode()
    assert f'href="/admin/accounts/user/{by.pk}/change/">{masked(by.email)}</a>' in page
    assert f'href="/admin/devices/device/{device.pk}/change/"' in page


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")
def test_an_export_of_the_trail_holds_json(desk: Desk) -> None:
    browser, device = desk("operations"), make_device()
    browser.post("/admin/devices/device/act/send_config/", {"id": [device.pk]})
    answer = browser.get("/admin/staff/auditline/export.csv", {"q": str(device.pk)})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))
    assert [json.loads(row["changes"]) for row in rows if row["action"] == "send"] == [{"config_version": [1, 1]}]
