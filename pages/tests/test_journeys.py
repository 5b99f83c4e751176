"""Whole ways through the pages, as a person goes them, on the running stack."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from playwright.sync_api import Page, expect

from accounts.models import User
from conftest import PASSWORD, Worker
from devices.services import claims, ownership
from pages.tests.conftest import Open
from tools.testing import Api, Collar, wait_for


def newest_mail(address: str) -> str:
    """The text of the newest mail to this address."""

    def found() -> str | None:
        files = sorted(Path(settings.EMAIL_FILE_PATH).glob("*"), key=lambda file: file.stat().st_mtime, reverse=True)
        return next((text for file in files if address in (text := file.read_text())), None)

    return str(wait_for(found))


def credentials_on(page: Page) -> dict[str, Any]:
    """What the page shows of a new identity."""
    names = ("host", "port", "username", "password", "client_id")
    return {name: page.locator(f"#secret-{name}").inner_text() for name in names}


def test_from_the_sign_up_to_the_first_treat(open_page: Open, live_db: None, worker: Worker) -> None:
    email = f"dora-{uuid4().hex[:8]}@example.com"
    page = open_page()
    page.get_by_role("link", name="Create account").click()
    page.get_by_label("Your name").fill("Dora")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")
    link = re.search(r"http\S+/account/confirm/\S+", newest_mail(email).replace("=\n", ""))
    assert link
    page.goto(link[0])
    page.get_by_role("button", name="Yes, confirm").click()
    page.get_by_role("link", name="Add a collar").last.click()
    page.get_by_role("button", name="Add a new pet").click()
    page.get_by_label("Name", exact=True).fill("Rex")
    page.get_by_role("button", name="Save").click()
    _device, code = _unowned()
    page.get_by_label("Claim code").fill(code.lower())
    expect(page.get_by_label("Who wears it?").locator("option:checked")).to_have_text("Rex")
    page.get_by_role("button", name="Add collar").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rex")
    collar = Collar(_device).start()
    page.get_by_role("button", name="Give a treat").click()
    expect(page.locator("#treat")).to_contain_text("Rex got one portion.")
    collar.stop()


def _unowned() -> tuple[dict[str, Any], str]:
    device, credential = ownership.provision(name="New collar", shown=False)
    return credential.public(), claims.issue_claim_code(device=device)


def test_a_board_of_ones_own_is_seen_to_connect(open_page: Open, alice: Api) -> None:
    page = open_page(alice)
    page.goto("/collar/build")
    page.get_by_label("Name of the collar").fill("My board")
    page.get_by_role("button", name="Make credentials").click()
    expect(page.locator("#first")).to_contain_text("Waiting for the first connection.")
    collar = Collar(credentials_on(page)).start()
    expect(page.locator("#first")).to_contain_text(re.compile(r"Connected \d\d:\d\d\."))
    collar.stop()
    page.reload()  # shows the collar, and makes no second one
    expect(page.get_by_role("heading", level=1)).to_have_text("My board")
    assert len(alice.get("/devices").json()["results"]) == 1


def test_a_handover_ends_the_old_owners_open_page(open_page: Open, alice: Api, bob: Api) -> None:
    device = alice.new_device(name="Rex's collar")
    watching, page = open_page(alice), open_page(alice)
    watching.goto(f"/collar/{device['id']}/")
    watching.wait_for_load_state("networkidle")
    page.goto(f"/collar/{device['id']}/handover")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Hand over").click()
    code = page.locator(".code-big").inner_text()
    expect(watching.locator(".handing-over")).to_contain_text("Handing over, code valid until")
    next_owner = open_page(bob)
    next_owner.goto(f"/collar/add?code={code}")
    next_owner.get_by_role("button", name="Add collar").click()
    expect(next_owner.get_by_role("heading", level=1)).to_have_text("Credentials for your board")
    expect(watching.get_by_role("heading", level=1)).to_have_text("This page does not exist, or is not yours.")


def test_logging_out_everywhere_ends_live_pages_elsewhere(open_page: Open, alice: Api) -> None:
    other, page = open_page(alice), open_page(alice)
    other.wait_for_load_state("networkidle")
    page.goto("/account/")
    page.get_by_role("button", name="Log out everywhere").click()
    other.wait_for_url("**/account/login?next=%2F", timeout=5000)
    assert alice.get("/me").status_code == 401


def test_a_deleted_account_takes_its_collar_off_the_air(open_page: Open, alice: Api) -> None:
    device = alice.new_device(name="Rex's collar")
    page = open_page(alice)
    page.goto("/account/delete")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Delete account").click()
    expect(page.get_by_text("Your account is deleted.")).to_be_visible()
    assert not User.objects.filter(pk=alice.user.pk).exists()
    wait_for(lambda: not Collar(device["mqtt"]).accepted(), seconds=5)


def test_settings_work_without_scripts(open_page: Open, alice: Api) -> None:
    device = alice.new_device(name="Rex's collar")
    page = open_page(alice, java_script_enabled=False)
    page.get_by_role("link", name="Rex's collar").click()
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_label("How often it reports").select_option("300")
    page.get_by_role("button", name="Save").click()
    assert alice.get(f"/devices/{device['id']}").json()["config"]["telemetry_interval_s"] == 300


def test_a_collar_that_is_killed_is_said_to_be_offline_and_comes_back(open_page: Open, alice: Api) -> None:
    device = alice.new_device(name="Rex's collar")
    collar = Collar(device["mqtt"]).start()
    page = open_page(alice)
    page.goto(f"/collar/{device['id']}/")
    expect(page.locator(".presence")).to_contain_text("Online")
    page.wait_for_load_state("networkidle")
    collar.vanish()
    expect(page.locator(".presence")).to_contain_text("Offline", timeout=5000)
    again = Collar(device["mqtt"]).start()
    expect(page.locator(".presence")).to_contain_text("Online", timeout=5000)
    again.stop()
