"""/devices: making, changing, rotating, claiming, handing over, retiring; over the running server and broker."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.conf import settings

from conftest import PASSWORD
from core.errors import Conflict, NotFound
from core.models import RateCount
from devices.models import Device
from devices.services import claims, ownership
from devices.services.ownership import NEW_COLLARS
from tools.testing import Api, Collar, wait_for
from treats.services.ledger import send_treat

Starter = Callable[..., Collar]


def hand_over(old: Api, new: Api, device: dict[str, Any]) -> dict[str, Any]:
    """The collar as its new owner got it."""
    given = old.post(f"/devices/{device['id']}/handover", json={"password": PASSWORD})
    assert given.status_code == 200, given.text
    claimed = new.post("/devices/claim", json={"claim_code": given.json()["claim_code"]})
    assert claimed.status_code == 200, claimed.text
    found: dict[str, Any] = claimed.json()
    return found


def status_of(api: Api, device: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/devices/{device['id']}/status").json()
    return found


def test_a_new_device_is_usable_when_the_answer_arrives(alice: Api) -> None:
    device = alice.new_device(name="Rex's collar")
    assert device["status"] == "never_seen"
    assert device["owner"] == str(alice.user.pk)
    assert device["mqtt"].keys() == {"host", "port", "username", "password", "client_id"}
    assert device["mqtt"]["username"] == device["mqtt"]["client_id"] == device["id"]
    Collar(device["mqtt"]).start().stop()
    listed = alice.get("/devices").json()
    device.pop("mqtt")
    assert [row["id"] for row in listed["results"]] == [device["id"]]
    assert listed["results"][0].keys() == device.keys()


def test_twenty_at_once_are_all_usable(alice: Api) -> None:
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda _: alice.new_device(), range(20)))
    for device in made:
        Collar(device["mqtt"]).start().stop()
    answer = alice.post("/devices", json={"name": "One more"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many")


def test_put_needs_a_name_and_keeps_what_is_left_out(alice: Api) -> None:
    pet = alice.new_pet(time_zone="Europe/Berlin")
    device = alice.new_device(pet=pet["id"])
    path = f"/devices/{device['id']}"
    assert device["config"] == {"telemetry_interval_s": 60, "camera": "on_demand", "time_zone": "Europe/Berlin"}
    assert alice.put(path, json={}).json()["errors"].keys() == {"name"}
    changed = alice.put(path, json={"name": "New", "config": {"telemetry_interval_s": 5}}).json()
    assert (changed["name"], changed["pet"], changed["config_version"]) == ("New", pet["id"], 2)
    assert changed["config"] == {**device["config"], "telemetry_interval_s": 5}
    assert alice.patch(path, json={"pet": None}).json()["pet"] is None


@pytest.mark.parametrize(
    "config",
    [{"telemetry_interval_s": 0}, {"telemetry_interval_s": 3601}, {"camera": "on"}, {"time_zone": "x"}, [], "x"],
)
def test_a_config_out_of_range_is_400(alice: Api, config: Any) -> None:
    device = alice.new_device()
    answer = alice.patch(f"/devices/{device['id']}", json={"config": config})
    assert answer.status_code == 400
    assert all(field.startswith("config") for field in answer.json()["errors"])


def test_a_pet_of_somebody_else_is_400(alice: Api, bob: Api) -> None:
    answer = alice.post("/devices", json={"name": "Rex", "pet": bob.new_pet()["id"]})
    assert (answer.status_code, answer.json()["errors"].keys()) == (400, {"pet"})


def test_the_collar_gets_its_config_and_reports_it(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    alice.patch(f"/devices/{device['id']}", json={"config": {"camera": "off"}})
    collar = collar_of(alice, device)
    told = wait_for(lambda: collar.received("config"))[-1]
    assert told == {"v": 1, "version": 2, "telemetry_interval_s": 60, "camera": "off", "time_zone": "UTC"}
    assert wait_for(lambda: collar.received("time"))[0].keys() == {"v", "now"}


def test_the_pets_time_zone_reaches_the_collar(alice: Api, collar_of: Starter) -> None:
    pet = alice.new_pet()
    collar = collar_of(alice, alice.new_device(pet=pet["id"]))
    alice.patch(f"/pets/{pet['id']}", json={"time_zone": "Asia/Tokyo"})
    wait_for(lambda: collar.received("config")[-1:] and collar.received("config")[-1]["time_zone"] == "Asia/Tokyo")


def test_new_credentials_cut_the_old_session(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    fresh = alice.post(f"/devices/{device['id']}/credentials").json()
    wait_for(lambda: not collar.connected, 5)
    wait_for(lambda: status_of(alice, device)["status"] == "offline", 5)
    assert "auth" in Collar(device["mqtt"]).refused().lower()
    collar_of(alice, fresh | {"id": device["id"]})


def test_new_credentials_do_not_make_a_collar_seen(alice: Api) -> None:
    device = alice.new_device()
    assert alice.post(f"/devices/{device['id']}/credentials").status_code == 200
    assert status_of(alice, device)["status"] == "never_seen"


def test_who_looked_before_a_handover_changes_nothing_after_it(alice: Api, bob: Api) -> None:
    device = alice.new_device()
    seen = Device.objects.get(pk=device["id"])
    hand_over(alice, bob, device)
    with pytest.raises(NotFound):
        ownership.update_device(device=seen, changes={"name": "Mine"})
    with pytest.raises(NotFound):
        send_treat(device=seen, by=alice.user, source="api")
    seen.refresh_from_db(fields=["mqtt_pass_hash"])
    with pytest.raises(Conflict):
        ownership.rotate(device=seen)
    with pytest.raises(Conflict):
        ownership.retire(device=seen)
    assert Device.objects.get(pk=device["id"]).retired_at is None


def test_credentials_are_limited_to_ten_an_hour(alice: Api) -> None:
    path = f"/devices/{alice.new_device()['id']}/credentials"
    codes = [alice.post(path).status_code for _ in range(11)]
    assert codes == [200] * 10 + [429]


def test_six_new_credentials_at_once_are_one_and_refusals_and_the_one_works(alice: Api) -> None:
    device = alice.new_device()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: alice.post(f"/devices/{device['id']}/credentials"), range(6)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) <= {200, 409}
    assert 200 in codes
    shown = [answer.json()["mqtt"] for answer in answers if answer.status_code == 200]
    assert [Collar(mqtt).accepted() for mqtt in shown].count(True) == 1


def test_delete_retires_and_keeps_the_history(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar, path = collar_of(alice, device), f"/devices/{device['id']}"
    collar.send_samples(collar.sample())
    wait_for(lambda: collar.received("ack"))
    assert alice.delete(path).status_code == 204
    wait_for(lambda: not collar.connected, 5)
    assert alice.get(path).json()["status"] == "retired"
    assert len(alice.get(f"{path}/telemetry").json()["results"]) == 1
    assert alice.get("/devices").json()["results"] == []
    for method, where in (
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{path}/credentials"),
        ("POST", f"{path}/treat"),
    ):
        answer = alice.request(method, where, json={"name": "x"} if method == "PATCH" else {})
        assert (answer.status_code, answer.json()["code"]) == (409, "retired")


def test_a_claim_code_is_good_once_and_however_typed(alice: Api, bob: Api, live_db: None) -> None:
    device, _ = ownership.provision(name="Factory", shown=False)
    code = claims.issue_claim_code(device=device)
    pet = alice.new_pet(time_zone="Europe/Paris")
    typed = code.lower().replace("-", "").replace("0", "o").replace("1", "l")
    answer = alice.post("/devices/claim", json={"claim_code": typed, "name": "Mine", "pet": pet["id"]})
    assert answer.status_code == 200
    claimed = answer.json()
    assert "mqtt" not in claimed
    assert (claimed["name"], claimed["owner"], claimed["pet"]) == ("Mine", str(alice.user.pk), pet["id"])
    for code_again in (code, "0000-0000", "short", "UUUU-UUUU"):
        assert bob.post("/devices/claim", json={"claim_code": code_again}).status_code == 404


def test_wrong_claim_codes_are_throttled(alice: Api) -> None:
    codes = [alice.post("/devices/claim", json={"claim_code": "0000-0000"}).status_code for _ in range(11)]
    assert codes == [404] * 10 + [429]


def test_a_handover_ends_the_old_owners_access(alice: Api, bob: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar, path = collar_of(alice, device), f"/devices/{device['id']}"
    before = collar.sample(ago_s=60)
    collar.send_samples(before)
    wait_for(lambda: collar.received("ack"))
    assert alice.post(f"{path}/handover", json={"password": "wrong"}).status_code == 403
    code = alice.post(f"{path}/handover", json={"password": alice.password}).json()["claim_code"]
    assert collar.connected
    claimed = bob.post("/devices/claim", json={"claim_code": code}).json()
    for where in (path, f"{path}/status", f"{path}/telemetry", f"{path}/treats"):
        assert alice.get(where).status_code == 404
    wait_for(lambda: not collar.connected, 5)
    assert bob.get(f"{path}/status").json()["latest"] is None
    mine = collar_of(bob, claimed)
    late, fresh = mine.sample(ago_s=30, seq=50), mine.sample(seq=51)
    mine.send_samples(late, fresh)
    wait_for(lambda: mine.received("ack"))
    found = bob.get(f"{path}/telemetry").json()["results"]
    assert len(found) == 1
    assert bob.get(f"{path}/status").json()["latest"] == found[0]
    buckets = wait_for(lambda: bob.get(f"{path}/telemetry", params={"resolution": "5m"}).json()["results"], 5)
    assert [row["count"] for row in buckets] == [1]
    assert bob.get(f"{path}/treats").json()["results"] == []


def test_a_flashed_collar_keeps_its_password_through_a_handover(alice: Api, bob: Api, live_db: None) -> None:
    device, credential = ownership.provision(name="Factory", owner=alice.user, shown=False)
    collar = Collar(credential.public()).start()
    code = alice.post(f"/devices/{device.pk}/handover", json={"password": alice.password}).json()["claim_code"]
    assert "mqtt" not in bob.post("/devices/claim", json={"claim_code": code}).json()
    assert collar.connected
    collar.stop()


def test_staff_see_all_and_make_devices_for_owners(alice: Api, bob: Api, charlie: Api) -> None:
    device = alice.new_device(name=f"Find me {uuid4().hex}")
    found = charlie.get("/devices", params={"search": device["name"][-20:]}).json()["results"]
    assert [row["id"] for row in found] == [device["id"]]
    owned = charlie.get("/devices", params={"owner": str(alice.user.pk), "status": "never_seen"}).json()["results"]
    assert [row["id"] for row in owned] == [device["id"]]
    made = charlie.post("/devices", json={"name": "For Bob", "owner": str(bob.user.pk)})
    assert made.json()["owner"] == str(bob.user.pk)
    assert alice.post("/devices", json={"name": "x", "owner": str(bob.user.pk)}).status_code == 403
    assert charlie.post(f"/devices/{device['id']}/handover", json={"password": "x"}).status_code == 403


def test_strangers_and_nobody_reach_nothing(alice: Api, bob: Api, anonymous: httpx.Client) -> None:
    known, unknown = alice.new_device()["id"], str(uuid4())
    calls = [
        *(("GET", ""), ("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/status"), ("POST", "/credentials")),
        *(
            ("POST", "/handover"),
            ("GET", "/handover"),
            ("DELETE", "/handover"),
            ("POST", "/restore"),
            ("POST", "/treat"),
            ("GET", "/treats"),
            ("GET", f"/treats/{uuid4()}"),
            ("GET", "/telemetry"),
        ),
    ]
    for method, end in calls:
        body = None if method == "GET" else {}
        answer = bob.request(method, f"/devices/{known}{end}", json=body)
        assert answer.status_code == 404, (method, end)
        assert answer.json() == bob.request(method, f"/devices/{unknown}{end}", json=body).json()
        assert anonymous.request(method, f"/devices/{known}{end}", json=body).status_code == 401
    assert bob.get("/devices").json()["results"] == []


def test_a_rolled_back_change_publishes_nothing(alice: Api, collar_of: Starter) -> None:
    from django.db import transaction

    from devices.services.configuration import change_config

    device = alice.new_device()
    collar = collar_of(alice, device)
    row = Device.objects.get(pk=device["id"])
    with transaction.atomic():
        change_config(device=row, changes={"telemetry_interval_s": 7})
        transaction.set_rollback(True)
    alice.patch(f"/devices/{device['id']}", json={"config": {"telemetry_interval_s": 9}})
    wait_for(lambda: [told for told in collar.received("config") if told["telemetry_interval_s"] == 9])
    assert not [told for told in collar.received("config") if told["telemetry_interval_s"] == 7]


def test_an_owner_makes_so_many_collars_an_hour(alice: Api) -> None:
    device = alice.new_device()
    count = RateCount.objects.filter(key=NEW_COLLARS._key(alice.user.pk))
    assert count.update(count=settings.NEW_DEVICES_PER_HOUR) == 1
    answer = alice.post("/devices", json={"name": "One more"})
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert [row["id"] for row in alice.get("/devices").json()["results"]] == [device["id"]]


def test_ones_own_retired_collars_are_listed_for_who_asks(alice: Api, bob: Api) -> None:
    kept, gone = alice.new_device(), alice.new_device()
    alice.delete(f"/devices/{gone['id']}")
    for api, status, found in ((alice, "retired", [gone]), (alice, None, [kept]), (bob, "retired", [])):
        listed = api.get("/devices", params={"status": status} if status else {}).json()["results"]
        assert [row["id"] for row in listed] == [row["id"] for row in found]
