"""Handing a collar over: it stays its owner's until somebody claims it; restoring one that was retired."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.errors import Conflict
from core.times import now
from devices.models import Device
from devices.services import claims, ownership
from tools.testing import Api, Collar, wait_for

Starter = Callable[..., Collar]


def begin(api: Api, device: dict[str, Any]) -> dict[str, Any]:
    """The answer of a handover that went well."""
    answer = api.post(f"/devices/{device['id']}/handover", json={"password": api.password})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def claim(api: Api, given: dict[str, Any]) -> Any:
    """The answer to whoever uses the code."""
    return api.post("/devices/claim", json={"claim_code": given["claim_code"]})


def test_a_collar_stays_its_owners_until_somebody_claims_it(alice: Api, bob: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar, path = collar_of(alice, device), f"/devices/{device['id']}"
    given = begin(alice, device)
    assert given.keys() == {"claim_code", "expires_at"}
    in_a_week = now() + timedelta(days=7)
    assert abs(datetime.fromisoformat(given["expires_at"]) - in_a_week) < timedelta(minutes=1)
    assert alice.get(f"{path}/handover").json() == {"expires_at": given["expires_at"]}
    assert alice.post(f"{path}/treat", json={}).json()["result"] == "dispensed"
    assert collar.connected
    claimed = claim(bob, given).json()
    assert claimed["owner"] == str(bob.user.pk)
    assert alice.get(path).status_code == 404
    assert claim(bob, given).status_code == 404
    wait_for(lambda: not collar.connected, 5)
    collar_of(bob, claimed)  # with the password that came with the claim
    assert "auth" in Collar(device["mqtt"]).refused().lower()


def test_a_handover_that_is_called_off_leaves_no_code(alice: Api, bob: Api) -> None:
    device = alice.new_device()
    path, given = f"/devices/{device['id']}/handover", begin(alice, device)
    assert alice.delete(path).status_code == 204
    assert [alice.request(method, path).status_code for method in ("GET", "DELETE")] == [404, 404]
    assert claim(bob, given).status_code == 404
    assert Collar(device["mqtt"]).accepted()


def test_a_second_handover_makes_a_new_code_and_ends_the_old_one(alice: Api, bob: Api) -> None:
    device = alice.new_device()
    first, second = begin(alice, device), begin(alice, device)
    assert claim(bob, first).status_code == 404
    assert claim(bob, second).status_code == 200


def test_an_owner_cannot_claim_from_oneself_and_loses_nothing_by_trying(alice: Api, bob: Api) -> None:
    device = alice.new_device()
    given = begin(alice, device)
    refused = claim(alice, given)
    assert (refused.status_code, refused.json()["code"]) == (409, "yours")
    assert Collar(device["mqtt"]).accepted()
    assert claim(bob, given).status_code == 200


def test_a_handover_that_ran_out_is_none(alice: Api, bob: Api) -> None:
    device = alice.new_device()
    given = begin(alice, device)
    Device.objects.filter(pk=device["id"]).update(claim_expires_at=now() - timedelta(seconds=1))
    assert alice.get(f"/devices/{device['id']}/handover").status_code == 404
    assert claim(bob, given).status_code == 404


def test_retiring_ends_a_handover(alice: Api, bob: Api) -> None:
    device = alice.new_device()
    given = begin(alice, device)
    alice.delete(f"/devices/{device['id']}")
    assert claim(bob, given).status_code == 404


def test_staff_see_a_handover_and_neither_begin_nor_end_it(alice: Api, charlie: Api) -> None:
    device = alice.new_device()
    path = f"/devices/{device['id']}/handover"
    begin(alice, device)
    assert charlie.get(path).status_code == 200
    assert charlie.post(path, json={"password": charlie.password}).status_code == 403
    assert charlie.delete(path).status_code == 403
    assert alice.get(path).status_code == 200


def test_a_last_owner_restores_a_collar_with_a_new_password(alice: Api, charlie: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    path = f"/devices/{device['id']}"
    refused = alice.post(f"{path}/restore")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_retired")
    alice.delete(path)
    assert charlie.post(f"{path}/restore").status_code == 403
    answer = alice.post(f"{path}/restore")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert (answer.json()["status"], answer.json()["retired_at"]) == ("never_seen", None)
    collar_of(alice, answer.json())
    assert "auth" in Collar(device["mqtt"]).refused().lower()
    assert alice.get("/devices").json()["results"][0]["id"] == device["id"]


def test_a_collar_is_restored_within_thirty_days(alice: Api) -> None:
    device = alice.new_device()
    alice.delete(f"/devices/{device['id']}")
    for days, code in ((31, "too_late"), (29, None)):
        Device.objects.filter(pk=device["id"]).update(retired_at=now() - timedelta(days=days))
        answer = alice.post(f"/devices/{device['id']}/restore")
        assert answer.json().get("code") == code


def test_staff_issue_a_claim_code_for_a_collar_that_is_nobodys_and_for_no_other(alice: Api, bob: Api) -> None:
    device, _ = ownership.provision(name="Factory", claim_code="0000-0001", shown=False)
    code = claims.issue_claim_code(device=device)
    assert claim(bob, {"claim_code": "0000-0001"}).status_code == 404
    assert claim(alice, {"claim_code": code}).status_code == 200
    with pytest.raises(Conflict) as refused:
        claims.issue_claim_code(device=device)
    assert refused.value.code == "owned"
    ownership.retire(device=Device.objects.get(pk=device.pk))
    with pytest.raises(Conflict) as refused:
        claims.issue_claim_code(device=device)
    assert refused.value.code == "retired"
