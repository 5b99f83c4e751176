"""A page shows what its collar has, and nothing else."""

import pytest

from accounts.models import User
from devices.models import Device
from pages.tests.conftest import make_treat, signed_in

CAMERA, DISPENSER = ('id="player"', "Who watched", "Let support watch"), ('place-treat"', "12 treats in")


@pytest.fixture
def plain(collar: Device) -> Device:
    has = {"has_camera": False, "has_dispenser": False, "board": "plain", "reported": {"treats_left": 12}}
    Device.objects.filter(pk=collar.pk).update(**has)
    return collar


def collar_page(owner: User, device: Device) -> str:
    return signed_in(owner).get(f"/collar/{device.pk}/").content.decode()


def test_a_collar_with_all_parts_has_all_panels(owner: User, collar: Device) -> None:
    Device.objects.filter(pk=collar.pk).update(reported={"treats_left": 12})
    page = collar_page(owner, collar)
    assert [text in page for text in (*CAMERA, *DISPENSER)] == [True] * 5


def test_a_plain_collar_has_neither_player_nor_treats(owner: User, plain: Device) -> None:
    page = collar_page(owner, plain)
    assert [text in page for text in (*CAMERA, *DISPENSER)] == [False] * 5
    assert "All treats" not in page


def test_what_it_once_gave_stays_in_the_ledger(owner: User, plain: Device) -> None:
    make_treat(plain)
    assert "All treats" in collar_page(owner, plain)


def test_home_offers_only_what_the_collar_has(owner: User, plain: Device) -> None:
    page = signed_in(owner).get("/").content.decode()
    assert ["#watch" in page, "data-treat=" in page, "Last treat" in page] == [False] * 3


def test_its_settings_name_no_camera(owner: User, plain: Device) -> None:
    client = signed_in(owner)
    path = f"/collar/{plain.pk}/settings"
    assert 'name="camera"' not in client.get(path).content.decode()
    assert client.post(path, {"name": "Tag", "pet": plain.pet_id, "interval": 60}).status_code == 302
    assert Device.objects.get(pk=plain.pk).config["camera"] == "on_demand"


def test_staff_see_board_and_parts(staff: User, plain: Device) -> None:
    page = signed_in(staff).get(f"/admin/devices/device/{plain.pk}/change/").content.decode()
    assert all(text in page for text in ("plain", "no camera", "no dispenser"))
    listed = signed_in(staff).get("/admin/devices/device/?board__exact=plain").content.decode()
    assert str(plain.pk) in listed
