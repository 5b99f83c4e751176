"""The API's manners, over every call that the document names: unknown keys, repeats, editions, secrets."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from conftest import PASSWORD
from core import idempotency
from core.models import KeptAnswer
from core.times import now
from devices.models import Device
from pets.models import Pet
from tools.testing import Api, Collar, new_key, side_by_side

Json = dict[str, Any]
WITHOUT = ("/healthz", "/readyz")  # a load balancer may ask as it likes


def operations(server: str) -> list[tuple[str, str, Json]]:
    """(method, path, what the document says) of every call."""
    paths = httpx.get(f"{server}/schema").json()["paths"]
    return [(method, path, told) for path, methods in paths.items() for method, told in methods.items()]


def test_a_parameter_that_a_call_does_not_have_is_400_and_named(server: str, alice: Api) -> None:
    device, pet = alice.new_device()["id"], alice.new_pet()["id"]
    for method, path, _ in operations(server):
        if path in WITHOUT or method == "delete" or path.endswith("/treat"):
            continue
        place = path.format(device_id=device, pet_id=pet, release_id=device, treat_id=device, act="pause")
        answer = alice.request(method, place, params={"no_such": 1}, json={} if method != "get" else None)
        assert (answer.status_code, answer.json()["errors"].keys() & {"no_such"}) == (400, {"no_such"}), path


def test_a_key_that_a_body_does_not_have_is_400_and_named(server: str, alice: Api) -> None:
    device, pet = alice.new_device()["id"], alice.new_pet()["id"]
    for method, path, _ in operations(server):
        if method not in ("post", "put", "patch") or path.startswith("/firmware/"):
            continue
        answer = alice.request(method, path.format(device_id=device, pet_id=pet), json={"no_such": 1})
        assert (answer.status_code, answer.json()["errors"].keys() & {"no_such"}) == (400, {"no_such"}), path
    nested = alice.patch(f"/devices/{device}", json={"config": {"cameras": "off"}})
    assert (nested.status_code, list(nested.json()["errors"])) == (400, ["config.cameras"])


def test_a_misspelt_portion_turns_no_motor(alice: Api, collar_of: Callable[..., Collar]) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    assert alice.post(f"/devices/{device['id']}/treat", json={"portions": 5}).status_code == 400
    assert alice.post(f"/devices/{device['id']}/treat?portion=5", json={}).status_code == 400
    assert collar.received("treat") == []


def test_who_sends_back_what_was_read_is_understood(alice: Api) -> None:
    device, pet = alice.new_device(), alice.new_pet()
    for path, name in ((f"/devices/{device['id']}", "Rexi"), (f"/pets/{pet['id']}", "Rexo")):
        read = alice.get(path).json()
        assert alice.put(path, json={**read, "name": name}).json() == {
            **alice.get(path).json(),
            "name": name,
        }


def test_a_pet_that_is_not_born_yet_is_400(alice: Api) -> None:
    answer = alice.post("/pets", json={"name": "Rex", "birthdate": "2999-01-01"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["birthdate"])


# --- Idempotency-Key --------------------------------------------------------------------------------


def repeated(api: Api, path: str, body: Json | None, key: str) -> httpx.Response:
    return api.post(path, json=body, headers={"Idempotency-Key": key})


def test_the_same_key_makes_one_collar_and_gives_the_same_answer(alice: Api) -> None:
    first, second = (repeated(alice, "/devices", {"name": "Rex"}, "k1") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "password" in second.json()["mqtt"]
    for name in ("Location", "ETag", "Cache-Control"):
        assert first.headers[name] == second.headers[name]
    assert Device.objects.filter(owner=alice.user).count() == 1


def test_many_at_once_with_one_key_make_one_pet(alice: Api) -> None:
    key = new_key()
    answers = side_by_side(8, lambda: repeated(alice, "/pets", {"name": "Rex"}, key))
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.json()["id"] for answer in answers} == {str(Pet.objects.get(owner=alice.user).pk)}


def test_a_secret_is_repeated_for_a_minute_and_then_no_more(alice: Api) -> None:
    device, key = alice.new_device(), new_key()
    again = partial(repeated, alice, f"/devices/{device['id']}/credentials", None, key)
    assert again().json() == again().json()
    mine = KeptAnswer.objects.filter(caller=alice.user.pk, key=key)
    mine.update(begun_at=now() - timedelta(seconds=61))
    assert (again().status_code, again().json()["code"]) == (409, "key_used")
    idempotency.forget_answers()
    assert mine.get().content is None
    assert again().json()["code"] == "key_used"


def test_what_has_no_secret_is_repeated_for_a_day(alice: Api) -> None:
    key = new_key()
    made = repeated(alice, "/pets", {"name": "Rex"}, key)
    mine = KeptAnswer.objects.filter(caller=alice.user.pk, key=key)
    mine.update(begun_at=now() - timedelta(hours=23))
    idempotency.forget_answers()
    assert repeated(alice, "/pets", {"name": "Rex"}, key).json() == made.json()
    mine.update(begun_at=now() - timedelta(hours=25))
    assert repeated(alice, "/pets", {"name": "Rex"}, key).json()["id"] != made.json()["id"]


def test_a_key_with_another_body_is_refused(alice: Api) -> None:
    key = new_key()
    repeated(alice, "/pets", {"name": "Rex"}, key)
    other = repeated(alice, "/pets", {"name": "Luna"}, key)
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")


def test_a_refusal_does_not_use_a_key_up(alice: Api) -> None:
    key = new_key()
    assert repeated(alice, "/pets", {}, key).status_code == 400
    assert repeated(alice, "/pets", {"name": "Rex"}, key).status_code == 201


def test_a_request_whose_process_died_is_not_made_again(alice: Api) -> None:
    key = new_key()
    made = repeated(alice, "/pets", {"name": "Rex"}, key)
    begun = now() - timedelta(seconds=61)
    KeptAnswer.objects.filter(caller=alice.user.pk, key=key).update(status=None, content=None, begun_at=begun)
    again = repeated(alice, "/pets", {"name": "Rex"}, key)
    assert (made.status_code, again.status_code, again.json()["code"]) == (201, 409, "key_used")


def test_a_key_counts_for_its_caller_and_path_alone(alice: Api, bob: Api) -> None:
    key = new_key()
    made = {repeated(api, "/pets", {"name": "Rex"}, key).json()["id"] for api in (alice, bob)}
    assert len(made) == 2
    assert repeated(alice, "/devices", {"name": "Rex"}, key).status_code == 201


def test_claim_handover_and_restore_take_a_key(alice: Api, bob: Api) -> None:
    device = alice.new_device()
    path = f"/devices/{device['id']}/handover"
    codes = {repeated(alice, path, {"password": PASSWORD}, "k").json()["claim_code"] for _ in range(2)}
    assert len(codes) == 1
    claims = [repeated(bob, "/devices/claim", {"claim_code": codes.copy().pop()}, "k") for _ in range(2)]
    assert {claim.status_code for claim in claims} == {200}
    bob.delete(f"/devices/{device['id']}")
    restored = [repeated(bob, f"/devices/{device['id']}/restore", None, "k") for _ in range(2)]
    assert {answer.json()["mqtt"]["password"] for answer in restored} == {restored[0].json()["mqtt"]["password"]}


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_that_is_none_is_400(alice: Api, key: str) -> None:
    assert list(repeated(alice, "/pets", {"name": "Rex"}, key).json()["errors"]) == ["Idempotency-Key"]


# --- ETag, secrets ----------------------------------------------------------------------------------


def test_an_older_edition_is_412_and_changes_nothing(alice: Api) -> None:
    for path in (f"/devices/{alice.new_device()['id']}", f"/pets/{alice.new_pet()['id']}"):
        seen = alice.get(path).headers["ETag"]
        changed = alice.patch(path, json={"name": "Luna"}, headers={"If-Match": seen})
        assert (changed.status_code, changed.headers["ETag"] == seen) == (200, False)
        for late in (
            partial(alice.patch, json={"name": "Mila"}),
            partial(alice.put, json={"name": "Mila"}),
            alice.delete,
        ):
            answer = late(path, headers={"If-Match": seen})
            assert (answer.status_code, answer.json()["code"]) == (412, "changed")
        assert (alice.get(path).json()["name"], alice.get(path).headers["ETag"]) == ("Luna", changed.headers["ETag"])
        assert alice.patch(path, json={"name": "Mila"}, headers={"If-Match": "*"}).status_code == 200
        newest = alice.get(path).headers["ETag"]
        assert alice.delete(path, headers={"If-Match": f'"other", W/{newest}'}).status_code == 204


def test_what_a_collar_reports_makes_no_new_edition(alice: Api, collar_of: Callable[..., Collar]) -> None:
    device = alice.new_device()
    before = alice.get(f"/devices/{device['id']}").headers["ETag"]
    collar_of(alice, device)
    assert alice.get(f"/devices/{device['id']}").headers["ETag"] == before


def test_of_many_who_saw_the_same_edition_one_changes_it(alice: Api) -> None:
    path = f"/pets/{alice.new_pet()['id']}"
    seen = {"If-Match": alice.get(path).headers["ETag"]}
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda n: alice.patch(path, json={"name": f"Rex {n}"}, headers=seen).status_code, range(8))
    assert sorted(answers) == [200] + [412] * 7


def test_answers_with_a_secret_are_kept_by_nobody(server: str, alice: Api) -> None:
    device = alice.new_device()
    with httpx.Client(base_url=server) as anybody:
        signed_in = anybody.post("/auth/login", json={"email": alice.user.email, "password": PASSWORD})
        renewed = anybody.post("/auth/refresh", json={"refresh": signed_in.json()["refresh"]})
    answers = (
        signed_in,
        renewed,
        alice.post("/devices", json={"name": "Rex"}),
        alice.post(f"/devices/{device['id']}/credentials"),
        alice.post(f"/devices/{device['id']}/handover", json={"password": PASSWORD}),
    )
    assert [(answer.is_success, answer.headers.get("Cache-Control")) for answer in answers] == [(True, "no-store")] * 5


def test_what_was_made_says_where_it_is(alice: Api) -> None:
    for path in ("/devices", "/pets"):
        made = alice.post(path, json={"name": "Rex"})
        assert alice.get(made.headers["Location"]).json()["id"] == made.json()["id"]
