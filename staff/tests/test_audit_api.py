"""The audit trail seen through the running API."""

from staff.tests.conftest import lines
from tools.testing import Api


def test_the_api_leaves_one_line_for_each_action(alice: Api) -> None:
    made = alice.post("/devices", json={"name": "Rex"}).json()
    alice.post(f"/devices/{made['id']}/credentials")
    alice.patch(f"/devices/{made['id']}", json={"name": "Max"})
    alice.delete(f"/devices/{made['id']}")
    found = lines(made["id"])
    assert [line.action for line in found] == ["insert", "update", "update", "update"]
    assert [sorted(line.changes) for line in found[1:]] == [["mqtt_pass_hash"], ["name"], ["retired_at"]]
    assert {(str(line.actor_id), line.door) for line in found} == {(alice.get("/me").json()["id"], "api")}
    assert len({line.request_id for line in found}) == 4
