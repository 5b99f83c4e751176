"""Batches in a real Chromium, made by a real worker on the real broker."""

import csv
import re
from collections.abc import Callable
from uuid import uuid4

from django.conf import settings
from playwright.sync_api import Page, expect

from broker.registry import registry
from conftest import Worker
from core.times import now
from devices.models import Device
from provisioning.models import Batch
from provisioning.services import batches
from provisioning.services.batches import STALLED_AFTER, STEP
from staff.models import AuditLine
from staff.tests.conftest import Open
from tools.testing import Api, Collar, wait_for

SHOW = "Show CSV and labels, once"


def order(page: Page, size: int) -> Batch:
    """Through the button above the list; the browser is on the batch's page then."""
    page.goto("/admin/provisioning/batch/")
    page.get_by_role("link", name="Provision a batch").click()
    page.get_by_label("How many").fill(str(size))
    page.get_by_role("button", name="Provision the batch").click()
    page.wait_for_url(re.compile(r"/change/$"))
    return Batch.objects.get(pk=page.url.split("/")[-3])


def made_of(batch: Batch) -> list[Device]:
    return list(Device.objects.filter(label__startswith=f"{batch}-"))


def test_staff_provision_fifty_collars_and_have_their_secrets_once(worker: Worker, sit: Open, charlie: Api) -> None:
    page = sit(charlie)
    batch = order(page, 50)
    expect(page.get_by_text("50 of 50 made.")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name=SHOW)).to_be_visible()
    late = page.context.new_page()
    late.goto(page.url)
    page.get_by_role("button", name=SHOW).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines()))
    assert [row["label"] for row in rows] == [f"{batch}-{number:03d}" for number in range(1, 51)]
    assert page.locator(".labels-label b").all_inner_texts() == [row["claim_code"] for row in rows]
    assert len(re.findall(rb"/Type /Page\b[^s]", page.pdf(prefer_css_page_size=True))) == 3
    row = rows[24]
    assert Collar({**row, "host": settings.MQTT_PUBLIC_HOST, "port": settings.MQTT_PUBLIC_PORT}).accepted()
    late.get_by_role("button", name=SHOW).click()
    expect(late.get_by_role("alert")).to_contain_text("Nobody can see them again.")
    lines = AuditLine.objects.filter(subject="device", subject_id__in=[row["id"] for row in rows])
    assert lines.count() == 50
    assert {(str(line.actor_id), line.door) for line in lines} == {(str(charlie.user.pk), "admin")}


def test_a_batch_is_stopped_by_operations_and_not_by_support(
    worker: Worker, sit: Open, charlie: Api, sign_in: Callable[..., Api]
) -> None:
    page, support = sit(charlie), sit(sign_in("dana", role="staff", group="support"))
    batch = order(page, 1000)
    support.goto(page.url)
    expect(support.get_by_text("of 1000 made.")).to_be_visible()
    expect(support.get_by_role("button", name="Stop")).to_have_count(0)
    answer = support.goto("/admin/provisioning/batch/provision/")
    assert answer is not None
    assert answer.status == 403
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped. What is made stays, and works.")).to_be_visible()
    batch.refresh_from_db()
    assert batch.made < 1000
    wait_for(lambda: len(made_of(batch)) == batch.made)
    wait_for(lambda: all(registry().exists(device.mqtt_user) for device in made_of(batch)))


def test_what_nobody_claimed_of_a_batch_is_retired_in_one_act(
    worker: Worker, sit: Open, charlie: Api, alice: Api
) -> None:
    page = sit(charlie)
    batch = order(page, 60)
    expect(page.get_by_text("60 of 60 made.")).to_be_visible(timeout=20_000)
    claimed = made_of(batch)[7]
    Device.objects.filter(pk=claimed.pk).update(owner=alice.user)
    page.reload()
    page.get_by_label(f"Type {batch} to be sure").fill("B0")
    page.get_by_role("button", name="Retire 59").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert not [device for device in made_of(batch) if device.retired_at]
    page.get_by_label(f"Type {batch} to be sure").fill(str(batch).lower())
    page.get_by_role("button", name="Retire 59").click()
    expect(page.get_by_text("59 retired.")).to_be_visible()
    assert [device.pk for device in made_of(batch) if device.retired_at is None] == [claimed.pk]
    assert [device.pk for device in made_of(batch) if registry().exists(device.mqtt_user)] == [claimed.pk]


def test_a_batch_goes_on_behind_a_worker_that_was_killed(worker: Worker, charlie: Api) -> None:
    batch = batches.order_batch(key=uuid4(), name="Collar", size=4 * STEP, by=charlie.user)
    wait_for(lambda: Batch.objects.get(pk=batch.pk).made, 20)
    worker.kill()
    assert Batch.objects.get(pk=batch.pk).state == "running"
    worker.start()
    Batch.objects.filter(pk=batch.pk).update(moved_at=now() - 2 * STALLED_AFTER)
    batches.resume_stalled()
    wait_for(lambda: Batch.objects.get(pk=batch.pk).state == "done", 30)
    entries = batches.reveal(batch=batch, by=charlie.user)
    made = made_of(batch)
    assert [entry.label for entry in entries] == [f"{batch}-{number:03d}" for number in range(1, 4 * STEP + 1)]
    assert {entry.id for entry in entries} == {str(device.pk) for device in made}
    assert all(registry().exists(device.mqtt_user) for device in made)
    assert AuditLine.objects.filter(subject="device", subject_id__in=[device.pk for device in made]).count() == len(
        made
    )
