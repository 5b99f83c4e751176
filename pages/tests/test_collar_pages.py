"""Adding, setting, handing over and removing a collar, as forms without scripts, on the real broker."""

import base64
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from conftest import PASSWORD
from core.times import now
from devices.models import Device
from devices.services import claims, ownership
from pages.tests.conftest import make_collar, signed_in
from pets.models import Pet
from streaming.models import SupportGrant
from tools.testing import Api, Collar, wait_for


def browser(api: Api) -> Client:
    return signed_in(User.objects.get(pk=api.user.pk))


def unowned(name: str = "Found collar") -> tuple[Device, str]:
    device, _credential = ownership.provision(name=name, shown=False)
    return device, claims.issue_claim_code(device=device)


def file_of(page: str) -> dict[str, Any]:
    """device.json out of the download link."""
    found = re.search(r'href="data:application/json;base64,([^"]+)" download="device.json"', page)
    assert found, page
    parsed: dict[str, Any] = json.loads(base64.b64decode(found[1]))
    return parsed


def test_a_code_in_capitals_or_not_makes_the_collar_mine(alice: Api) -> None:
    device, code = unowned()
    typed = f" {code[:4].lower()}-{code.replace('-', '')[4:]} "
    answer = browser(alice).post("/collar/add", {"code": typed, "name": "", "pet": ""}, follow=True)
    assert "Found collar is yours now." in answer.content.decode()
    assert Device.objects.get(pk=device.pk).owner_id == alice.user.pk


def test_the_pattern_on_the_tag_fills_in_the_code(owner: User) -> None:
    page = signed_in(owner).get("/collar/add?code=7K3M-9QXT%22%3E%3Cb%3E").content.decode()
    assert 'value="7K3M-9QXT&quot;&gt;&lt;b&gt;"' in page


def test_the_pattern_leads_back_after_the_login(db: None) -> None:
    answer = Client().get("/collar/add?code=7K3M-9QXT")
    assert answer.headers["Location"] == "/account/login?next=/collar/add%3Fcode%3D7K3M-9QXT"


def test_an_unknown_code_is_said_in_its_place(owner: User) -> None:
    page = signed_in(owner).post("/collar/add", {"code": "7K3M-9QXT"}).content.decode()
    assert 'id="id_code_error"' in page
    assert "We don&#x27;t know this code" in page


def test_guessing_codes_is_stopped(owner: User) -> None:
    client = signed_in(owner)
    for number in range(10):
        client.post("/collar/add", {"code": f"7K3M-9QX{number}"})
    assert "Too many tries." in client.post("/collar/add", {"code": "7K3M-9QXT"}).content.decode()


def test_somebody_elses_pet_cannot_be_chosen(owner: User, stranger: User) -> None:
    pet = Pet.objects.create(owner=stranger, name="Mila")
    page = signed_in(owner).post("/collar/build", {"name": "Mine", "pet": str(pet.pk)}).content.decode()
    assert 'id="id_pet_error"' in page
    assert not Device.objects.filter(owner=owner).exists()


def test_a_board_of_my_own_gets_credentials_that_work(alice: Api) -> None:
    answer = browser(alice).post("/collar/build", {"name": "My board"})
    file = file_of(answer.content.decode())
    assert Collar(file["mqtt"]).accepted()
    assert "no-store" in answer.headers["Cache-Control"]
    assert file["mqtt"]["password"] not in browser(alice).get(f"/collar/{file['id']}/").content.decode()


def test_new_credentials_end_the_old_ones(alice: Api) -> None:
    device = alice.new_device()
    page = browser(alice).post(f"/collar/{device['id']}/credentials").content.decode()
    assert Collar(file_of(page)["mqtt"]).accepted()
    assert "authorized" in Collar(device["mqtt"]).refused().lower()


def test_settings_are_written_and_said_as_not_confirmed_yet(owner: User, collar: Device) -> None:
    fields = {"name": "<i>New</i>", "pet": str(collar.pet_id), "interval": "300", "camera": "off"}
    client = signed_in(owner)
    page = client.post(f"/collar/{collar.pk}/settings", fields, follow=True).content.decode()
    collar.refresh_from_db()
    assert (collar.name, collar.config["telemetry_interval_s"], collar.config["camera"]) == ("<i>New</i>", 300, "off")
    assert "The collar has not confirmed these settings yet" in page
    assert "&lt;i&gt;New&lt;/i&gt;" in page
    assert "You turned this camera off" in client.get(f"/collar/{collar.pk}/").content.decode()


@pytest.mark.parametrize(("field", "value"), [("interval", "7"), ("camera", "always"), ("name", "")])
def test_a_setting_that_does_not_exist_is_refused(owner: User, collar: Device, field: str, value: str) -> None:
    fields = {"name": "Collar", "pet": "", "interval": "60", "camera": "off", field: value}
    page = signed_in(owner).post(f"/collar/{collar.pk}/settings", fields).content.decode()
    assert f'id="id_{field}_error"' in page


def test_handing_over_takes_the_password_and_gives_a_code_once(alice: Api, bob: Api) -> None:
    device = alice.new_device(name="Rex's collar")
    client, address = browser(alice), f"/collar/{device['id']}/handover"
    assert "What stays" in client.get(address).content.decode()
    assert "The password is wrong." in client.post(address, {"password": "wrong"}).content.decode()
    page = client.post(address, {"password": PASSWORD}).content.decode()
    found = re.search(r'class="code-big">(\S+)<', page)
    assert found
    assert "Handing over, code valid until" in client.get(f"/collar/{device['id']}/").content.decode()
    taken = browser(bob).post("/collar/add", {"code": found[1], "name": "", "pet": ""}).content.decode()
    assert Collar(file_of(taken)["mqtt"]).accepted()  # Alice knew the password, so there is a new one
    assert client.get(f"/collar/{device['id']}/").status_code == 404


def test_a_handover_is_called_off_on_the_collars_page(alice: Api, bob: Api) -> None:
    device = alice.new_device(name="Rex's collar")
    client, address = browser(alice), f"/collar/{device['id']}/handover"
    first = re.search(r'class="code-big">(\S+)<', client.post(address, {"password": PASSWORD}).content.decode())
    assert first
    assert "Handing over" in client.get("/").content.decode()
    assert "A code is open until" in client.get(address).content.decode()
    page = client.post(f"{address}/cancel", follow=True).content.decode()
    assert "The handover is called off. The collar stays yours." in page
    assert "Handing over" not in page
    assert bob.post("/devices/claim", json={"claim_code": first[1]}).status_code == 404


def test_ones_own_code_takes_nothing_and_says_what_to_do(alice: Api) -> None:
    device = alice.new_device()
    code = alice.post(f"/devices/{device['id']}/handover", json={"password": PASSWORD}).json()["claim_code"]
    page = browser(alice).post("/collar/add", {"code": code, "name": "", "pet": ""}).content.decode()
    assert "This collar is yours already." in page


def test_removing_takes_the_name_and_ends_the_access(alice: Api) -> None:
    device = alice.new_device(name="Rex's collar")
    client, address = browser(alice), f"/collar/{device['id']}/remove"
    assert "This is not its name." in client.post(address, {"name": "Rex"}).content.decode()
    assert "is removed." in client.post(address, {"name": "rex's collar"}, follow=True).content.decode()
    wait_for(lambda: not Collar(device["mqtt"]).accepted(), seconds=5)


def test_cancel_comes_before_the_end_in_tab_order(owner: User, collar: Device) -> None:
    for page in ("handover", "remove"):
        text = signed_in(owner).get(f"/collar/{collar.pk}/{page}").content.decode()
        assert text.index("Cancel") < text.index("button-rust")


@pytest.mark.parametrize("page", ["settings", "credentials", "handover", "remove"])
def test_a_stranger_and_the_anonymous_get_nowhere(stranger: User, collar: Device, page: str) -> None:
    address = f"/collar/{collar.pk}/{page}"
    assert signed_in(stranger).get(address).status_code == 404
    assert signed_in(stranger).post(address).status_code == 404
    assert Client().post(address).headers["Location"].startswith("/account/login")


@pytest.mark.parametrize("page", ["settings", "credentials", "handover", "remove"])
def test_nothing_of_a_retired_collar_can_be_changed(owner: User, page: str) -> None:
    gone = make_collar(owner, None, status="retired", retired_at=now())
    assert signed_in(owner).get(f"/collar/{gone.pk}/{page}").status_code == 404


def test_an_owner_lets_support_watch_for_a_while_and_ends_it(owner: User, collar: Device) -> None:
    client, page = signed_in(owner), f"/collar/{collar.pk}/support"
    assert "Support may watch for a while." in client.post(page, {"minutes": "15"}, follow=True).content.decode()
    granted = SupportGrant.objects.get(device=collar, ended_at=None)
    assert granted.expires_at - granted.granted_at == timedelta(minutes=15)
    assert "Support can no longer watch." in client.post(page, follow=True).content.decode()
    assert not SupportGrant.objects.filter(device=collar, ended_at=None).exists()


def test_support_is_let_in_for_no_other_time_than_offered(owner: User, collar: Device) -> None:
    for minutes in ("", "-1", "100000", "x"):
        assert signed_in(owner).post(f"/collar/{collar.pk}/support", {"minutes": minutes}).status_code == 200
    assert not SupportGrant.objects.exists()


def test_only_the_owner_can_let_support_in(owner: User, staff: User, stranger: User, collar: Device) -> None:
    for user in (staff, stranger):
        assert signed_in(user).post(f"/collar/{collar.pk}/support", {"minutes": "60"}).status_code == 404
        assert "Let support watch" not in signed_in(user).get(f"/collar/{collar.pk}/").content.decode()
    assert not SupportGrant.objects.exists()


@pytest.mark.parametrize("path", ["/collar/add", "/collar/build"])
def test_what_was_typed_survives_a_new_pet_which_is_chosen_then(owner: User, path: str) -> None:
    client = signed_in(owner)
    typed = {"code": "7K3M-9QXT", "name": "Sunday & more", "new_pet": "yes"}
    form = client.post(path, typed, follow=True)
    assert 'value="dog" selected' in form.content.decode()
    fields = {"name": "Bo", "species": "cat", "time_zone": "UTC", "next": form.context["next"]}
    back = client.post("/pet/add", fields, follow=True).content.decode()
    assert 'value="Sunday &amp; more"' in back
    assert ('value="7K3M-9QXT"' in back) == (path == "/collar/add")
    assert f'value="{Pet.objects.get(name="Bo").pk}" selected' in back
