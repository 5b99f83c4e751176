"""/pets, over the running server."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.conf import settings

from pets.models import Pet
from tools.testing import Api


def test_a_pet_is_made_read_changed_and_removed(alice: Api) -> None:
    pet = alice.new_pet(birthdate="2020-05-01", time_zone="Europe/Berlin", treats_per_day=5, kcal_per_portion=4.5)
    path = f"/pets/{pet['id']}"
    assert pet == {
        **{"id": pet["id"], "name": "Rex", "species": "dog", "birthdate": "2020-05-01"},
        **{"time_zone": "Europe/Berlin", "treats_per_day": 5, "kcal_per_portion": 4.5},
    }
    assert alice.get(path).json() == pet
    assert alice.get("/pets").json() == {"results": [pet], "next": None}
    assert alice.patch(path, json={"treats_per_day": None}).json()["treats_per_day"] is None
    assert alice.put(path, json={"name": "Max"}).json() == {**pet, "name": "Max", "treats_per_day": None}
    assert alice.delete(path).status_code == 204
    assert alice.get(path).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 81),
        ("name", "a\x00b"),
        ("species", "dragon"),
        ("birthdate", "yesterday"),
        ("time_zone", "Mars/Base"),
        ("time_zone", "../etc/passwd"),
        ("treats_per_day", -1),
        ("treats_per_day", 10**30),
        ("treats_per_day", 1.5),
        ("kcal_per_portion", "much"),
        ("kcal_per_portion", -1),
    ],
)
def test_bad_values_are_400_and_name_the_field(alice: Api, field: str, value: Any) -> None:
    answer = alice.post("/pets", json={"name": "Rex", field: value})
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_a_pet_that_a_collar_wears_stays(alice: Api) -> None:
    pet = alice.new_pet()
    device = alice.new_device(pet=pet["id"])
    answer = alice.delete(f"/pets/{pet['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "pet_worn")
    alice.patch(f"/devices/{device['id']}", json={"pet": None})
    assert alice.delete(f"/pets/{pet['id']}").status_code == 204


def test_lists_come_in_pages(alice: Api) -> None:
    made = [alice.new_pet(name=str(number))["id"] for number in range(51)]
    first = alice.get("/pets").json()
    second = alice.get(first["next"]).json()
    assert [pet["id"] for pet in first["results"] + second["results"]] == made[::-1]
    assert second["next"] is None


def test_somebody_elses_pet_does_not_exist(alice: Api, bob: Api, charlie: Api, anonymous: httpx.Client) -> None:
    path = f"/pets/{alice.new_pet()['id']}"
    for other in (bob, charlie):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            answer = other.request(method, path, json={"name": "Mine"})
            assert answer.status_code == 404
            assert answer.json() == other.request(method, f"/pets/{uuid4()}", json={"name": "Mine"}).json()
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert anonymous.request(method, path, json={}).status_code == 401
    assert anonymous.get("/pets").status_code == 401


def test_an_owner_has_so_many_pets(alice: Api) -> None:
    Pet.objects.bulk_create(Pet(owner=alice.user, name="Rex") for _ in range(settings.PETS_PER_OWNER))
    answer = alice.post("/pets", json={"name": "One more"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many")
