"""Making collars at the desk: one, or many; who may, what is shown once, what the trail says."""

import csv
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from conftest import make_user
from core.errors import Unavailable
from core.times import now
from devices.models import Device
from devices.services import claims
from provisioning.models import Batch, BatchSheet
from provisioning.services import batches
from provisioning.services.batches import STEP
from staff.models import AuditLine
from staff.tests.conftest import lines, make_device
from streaming.models import StreamSession
from tools.testing import reloads, wait_for

pytestmark = pytest.mark.django_db
Desk = Callable[[str], Client]
BATCH = "/admin/provisioning/batch"
ONE = "/admin/devices/device/provision/"


def order(browser: Client, size: int = 3, **more: Any) -> Batch:
    """A batch that is ordered; no worker hears of it, as the order is not committed."""
    key = more.pop("key", uuid4())
    headers = {"X-Request-ID": "request-of-batch"}
    answer = browser.post(f"{BATCH}/provision/", {"key": key, "size": size, "name": "Collar"}, headers=headers)
    assert answer.headers["Location"] == f"{BATCH}/{key}/change/"
    return Batch.objects.get(pk=key)


def work(batch: Batch) -> Batch:
    """What the worker does, to the end of the batch."""
    while batch.state == "running":
        batches.run_step(batch_id=batch.pk, made=batch.made)
        batch.refresh_from_db()
    return batch


def rows(answer: Any) -> list[dict[str, str]]:
    """The lines of the CSV on the page of secrets."""
    return list(csv.DictReader(b64decode(answer.context["csv"].partition(",")[2]).decode("utf-8-sig").splitlines()))


def test_a_batch_is_made_step_by_step_with_one_change_of_the_broker_each(desk: Desk) -> None:
    before = reloads()
    batch = work(order(desk("operations"), size=STEP + 2))
    assert (batch.state, batch.made) == ("done", STEP + 2)
    wait_for(lambda: reloads() - before == 2)
    made = Device.objects.filter(label__startswith=f"{batch}-").order_by("pk")
    assert [device.label for device in made][:: STEP + 1] == [f"{batch}-001", f"{batch}-{STEP + 2:03d}"]
    assert {device.owner_id for device in made} == {None}


def test_the_secrets_are_shown_once_and_open_what_they_say(desk: Desk) -> None:
    browser = desk("operations")
    batch = work(order(browser))
    answer = browser.post(f"{BATCH}/{batch.pk}/show/")
    page, found = answer.content.decode(), rows(answer)
    assert "no-store" in answer.headers["Cache-Control"]
    assert [row["label"] for row in found] == [f"{batch}-00{number}" for number in (1, 2, 3)]
    assert all(row["claim_code"] in page and row["password"] not in page for row in found)
    device, _ = claims.claim(code=found[1]["claim_code"], by=make_user("alice"), address="127.0.0.1")
    assert (str(device.pk), device.name) == (found[1]["id"], f"Collar {batch}-002")
    again = browser.post(f"{BATCH}/{batch.pk}/show/")
    assert again.status_code == 409
    assert "Nobody can see them again." in again.content.decode()
    assert not BatchSheet.objects.exists()


def test_the_database_holds_no_secret_in_the_clear(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    browser = desk("operations")
    batch = work(order(browser))
    held = "".join(BatchSheet.objects.values_list("sealed", flat=True))
    told = str(list(AuditLine.objects.values_list("changes", flat=True))) + caplog.text
    for row in rows(browser.post(f"{BATCH}/{batch.pk}/show/")):
        for secret in (row["password"], row["claim_code"]):
            assert secret not in held
            assert secret not in told


def test_secrets_that_nobody_asked_for_are_forgotten_after_an_hour(desk: Desk) -> None:
    browser = desk("operations")
    batch = work(order(browser))
    Batch.objects.filter(pk=batch.pk).update(ended_at=now() - timedelta(minutes=61))
    answer = browser.post(f"{BATCH}/{batch.pk}/show/")
    assert (answer.status_code, "within an hour" in answer.content.decode()) == (409, True)
    batches.resume_stalled()
    assert not BatchSheet.objects.exists()


def test_a_key_that_was_changed_leaves_a_sentence_and_the_secrets(desk: Desk, settings: Any) -> None:
    browser = desk("operations")
    batch = work(order(browser))
    BatchSheet.objects.update(sealed="gAAAAAB" + "x" * 120)
    answer = browser.post(f"{BATCH}/{batch.pk}/show/")
    assert (answer.status_code, "HETRI_SECRET_KEY" in answer.content.decode()) == (409, True)
    assert Batch.objects.get(pk=batch.pk).shown_at is None


def test_a_stopped_batch_makes_no_more_and_shows_what_it_made(desk: Desk) -> None:
    browser = desk("operations")
    batch = order(browser, size=3 * STEP)
    batches.run_step(batch_id=batch.pk, made=0)
    assert "once the batch has ended" in browser.get(f"{BATCH}/{batch.pk}/change/").content.decode()
    assert browser.post(f"{BATCH}/{batch.pk}/show/").status_code == 409
    assert browser.post(f"{BATCH}/{batch.pk}/stop/").status_code == 302
    batches.run_step(batch_id=batch.pk, made=STEP)
    batch.refresh_from_db()
    assert (batch.state, batch.made) == ("stopped", STEP)
    assert browser.post(f"{BATCH}/{batch.pk}/stop/").status_code == 409
    assert len(rows(browser.post(f"{BATCH}/{batch.pk}/show/"))) == STEP


def test_a_step_that_comes_twice_makes_nothing_twice(desk: Desk) -> None:
    batch = order(desk("operations"), size=2 * STEP)
    for _ in range(2):
        batches.run_step(batch_id=batch.pk, made=0)
    assert Device.objects.filter(label__startswith=f"{batch}-").count() == STEP


def test_a_batch_waits_for_the_broker_and_is_given_up_after_an_hour(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = desk("operations")
    batch = order(browser)
    with monkeypatch.context() as away:
        away.setattr("broker.publisher.require", lambda: (_ for _ in ()).throw(Unavailable()))
        batches.run_step(batch_id=batch.pk, made=0)
    Batch.objects.filter(pk=batch.pk).update(moved_at=now() - timedelta(minutes=1))
    assert "goes on by itself" in browser.get(f"{BATCH}/{batch.pk}/change/").content.decode()
    Batch.objects.filter(pk=batch.pk).update(moved_at=now() - timedelta(minutes=61))
    batches.resume_stalled()
    assert "Given up" in browser.get(f"{BATCH}/{batch.pk}/change/").content.decode()


def test_the_same_order_twice_is_one_batch_and_numbers_count_up(desk: Desk) -> None:
    browser, key = desk("operations"), uuid4()
    first = order(browser, key=key)
    assert order(browser, key=key) == first
    assert order(browser).number == first.number + 1


@pytest.mark.parametrize("given", [{"size": 0}, {"size": 1001}, {"size": "x"}, {"name": ""}, {"name": "a\x07b"}])
def test_a_batch_is_one_to_a_thousand_with_a_name(desk: Desk, given: dict[str, Any]) -> None:
    answer = desk("operations").post(f"{BATCH}/provision/", {"key": uuid4(), "size": 1, "name": "x", **given})
    assert 'role="alert"' in answer.content.decode()
    assert not Batch.objects.exists()


def test_support_sees_batches_and_makes_none(desk: Desk) -> None:
    batch = work(order(desk("operations")))
    browser = desk("support")
    page = browser.get(f"{BATCH}/{batch.pk}/change/").content.decode()
    assert "Show CSV and labels" not in page
    assert str(batch) in browser.get(f"{BATCH}/?q={batch}-002").content.decode()
    assert "Provision a batch" not in browser.get(f"{BATCH}/").content.decode()
    for path in (f"{BATCH}/provision/", f"{BATCH}/{batch.pk}/stop/", f"{BATCH}/{batch.pk}/show/", ONE):
        assert browser.post(path, {"key": uuid4(), "size": 1, "name": "x"}).status_code == 403
        assert browser.get(path).status_code == 403
    assert Batch.objects.get(pk=batch.pk).shown_at is None
    assert desk("owner").get(f"{BATCH}/").status_code == 404


def test_each_write_of_a_batch_is_on_record_once(desk: Desk) -> None:
    browser = desk("operations")
    batch = work(order(browser))
    browser.post(f"{BATCH}/{batch.pk}/show/")
    told = lines(batch.pk)
    assert [(line.action, sorted(line.changes)) for line in told] == [
        ("insert", ["name", "number", "size", "state"]),
        ("update", ["state"]),
        ("update", ["shown_at"]),
    ]
    made = [lines(device.pk) for device in Device.objects.filter(label__startswith=f"{batch}-")]
    assert [[line.action for line in found] for found in made] == [["insert"]] * 3
    by_worker = [told[1], *(found[0] for found in made)]
    who = browser.session["_auth_user_id"]
    assert {(str(line.actor_id), line.door, line.request_id) for line in by_worker} == {
        (who, "admin", "request-of-batch")
    }


def test_a_new_claim_code_is_shown_once_on_record_and_only_for_what_is_nobodys(desk: Desk) -> None:
    free, owned, gone = make_device(name="Free"), make_device(make_user("alice")), make_device(name="Gone")
    Device.objects.filter(pk=gone.pk).update(status="retired", retired_at=now())
    browser, act = desk("operations"), "/admin/devices/device/act/claim_code/"
    assert "The claim code before ends." in browser.get(act, {"id": [free.pk]}).content.decode()
    answer = browser.post(act, {"id": [free.pk, owned.pk, gone.pk]})
    outcomes = {line.device.pk: (line.outcome, bool(line.secret)) for line in answer.context["lines"]}
    assert outcomes == {free.pk: ("done", True), owned.pk: ("skipped", False), gone.pk: ("skipped", False)}
    code = next(line.secret for line in answer.context["lines"] if line.secret)
    assert code in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert lines(free.pk)[-1].changes == {"claim_code_hash": None}
    device, _ = claims.claim(code=code, by=make_user("bob"), address="127.0.0.1")
    assert device.pk == free.pk
    assert desk("support").post(act, {"id": [free.pk]}).status_code == 403


def test_a_label_finds_its_collar(desk: Desk) -> None:
    device = make_device(name="Tag")
    Device.objects.filter(pk=device.pk).update(label="B12-007")
    browser = desk("support")
    for term in ("B12-007", "b12-0"):
        assert str(device.pk) in browser.get("/admin/devices/device/", {"q": term}).content.decode()
    assert str(device.pk) not in browser.get("/admin/devices/device/", {"q": "B12-008"}).content.decode()


def test_one_collar_is_made_with_a_claim_code_and_one_line(desk: Desk) -> None:
    browser, key = desk("operations"), uuid4()
    answer = browser.post(ONE, {"key": key, "name": "Shelf", "owner": ""})
    password, code = answer.context["mqtt"]["password"], answer.context["code"]
    assert {password, code} <= set(answer.content.decode().replace("<", ">").split(">"))
    assert [(line.action, line.door) for line in lines(key)] == [("insert", "admin")]
    again = browser.post(ONE, {"key": key, "name": "Shelf", "owner": ""}).content.decode()
    assert "made already" in again
    assert password not in again
    assert claims.claim(code=code, by=make_user("alice"), address="127.0.0.1")[0].name == "Shelf"


def test_one_collar_for_an_owner_has_no_claim_code(desk: Desk) -> None:
    browser, alice = desk("operations"), make_user("alice")
    answer = browser.post(ONE, {"key": uuid4(), "name": "", "owner": alice.email.upper()})
    assert Device.objects.get(pk=answer.context["device"].pk, owner=alice).claim_code_hash is None
    assert "Claim code" not in answer.content.decode()


def test_one_collar_too_many_for_an_owner_is_refused_in_words(desk: Desk, settings: Any) -> None:
    settings.DEVICES_PER_OWNER, alice = 0, make_user("alice")
    page = desk("operations").post(ONE, {"key": uuid4(), "owner": alice.email}).content.decode()
    assert "An account can have 0 collars." in page
    stranger = desk("admin").post(ONE, {"key": uuid4(), "owner": "nobody@example.com"}).content.decode()
    assert "Nobody has this e-mail." in stranger
    assert not Device.objects.filter(owner=alice).exists()


def test_a_stream_is_ended_with_one_line_and_one_that_is_not_there_is_skipped(desk: Desk) -> None:
    streaming, quiet = make_device(name="On"), make_device(name="Off")
    stream = StreamSession.objects.create(device=streaming, key_hash="x", key_expires_at=now())
    browser = desk("operations")
    answer = browser.post("/admin/devices/device/act/end_stream/", {"id": [streaming.pk, quiet.pk]})
    assert {(line.device.name, line.outcome) for line in answer.context["lines"]} == {
        ("On", "done"),
        ("Off", "skipped"),
    }
    stream.refresh_from_db()
    assert (stream.state, stream.reason) == ("ended", "staff")
    (told,) = lines(stream.pk)
    assert (told.subject, told.device_id, told.door) == ("stream", streaming.pk, "admin")
    assert told.changes == {"state": ["requested", "ended"], "reason": ["", "staff"]}
    assert str(told.actor_id) == browser.session["_auth_user_id"]
