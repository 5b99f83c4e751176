"""From a collar's program to its owner and back, on the whole stack."""

import json
import ssl
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.management import get_commands, load_command_class
from websockets.sync.client import connect

from core.times import iso, now
from tests.conftest import Flash, Stack
from tools.testing import Collar, wait_for

Maker = Callable[..., Flash]


def test_the_demo_is_well_and_has_two_weeks_of_history(stack: Stack) -> None:
    with stack.client() as owner:
        device = f"/devices/{stack.demo['device']}"
        assert owner.get("/readyz").json() == {"status": "ok"}
        assert wait_for(lambda: owner.get(f"{device}/status").json()["status"] == "online")
        weeks = {"start": iso(now() - timedelta(days=14)), "resolution": "1d"}
        wait_for(lambda: len(owner.get(f"{device}/telemetry", params=weeks).json()["results"]) >= 14, 60)


def test_the_whole_path_and_back(stack: Stack, new_collar: Maker) -> None:
    flash = new_collar(interval_s=0.3)
    owner = stack.client()
    device = f"/devices/{flash.id}"
    url = stack.demo["url"].replace("https", "wss") + f"/ws{device}"
    context = ssl.create_default_context(cafile=str(stack.instance.var / "tls" / "ca.pem"))
    token: Any = ["bearer", owner.headers["Authorization"].split()[1]]
    # Pings come from a second thread, and Python's TLS sockets do not stand two that write.
    with connect(url, subprotocols=token, ssl=context, ping_interval=None) as socket:
        assert json.loads(socket.recv(timeout=5))["type"] == "snapshot"
        while (told := json.loads(socket.recv(timeout=10)))["type"] != "telemetry":
            assert told["type"] in ("status", "snapshot")
        results = owner.get(f"{device}/telemetry").json()["results"]
        assert told["data"]["ts"] in [row["ts"] for row in results]
        assert results[0]["activity"].keys() == {"sd_mg", "odba_mg", "active_s", "steps"}
        answer = owner.post(f"{device}/treat", json={"portion": 2})
        assert (answer.status_code, answer.json()["result"]) == (200, "dispensed")
        while (told := json.loads(socket.recv(timeout=10)))["type"] != "treat" or told["data"]["result"] == "pending":
            assert told["type"] in ("status", "telemetry", "treat")
        assert told["data"] == answer.json()
    assert flash.turns() == [answer.json()["id"]]
    ledger = stack.rows(
        "SELECT result, published_at IS NOT NULL FROM devices_treatevent WHERE device_id = %s", flash.id
    )
    assert ledger == [("dispensed", True)]
    assert owner.post(f"{device}/credentials").status_code == 200
    wait_for(lambda: not flash.online(), 5)
    wait_for(lambda: owner.get(f"{device}/status").json()["status"] == "offline", 5)
    owner.close()


def test_a_collar_killed_between_motor_and_answer_repeats_the_result(stack: Stack, new_collar: Maker) -> None:
    flash = new_collar(interval_s=5, die="after_motor")
    with stack.client() as owner:
        answer = owner.post(f"/devices/{flash.id}/treat", headers={"Prefer": "wait=1"})
        assert answer.status_code == 202
        treat = f"/devices/{flash.id}/treats/{answer.json()['id']}"
        assert flash.process is not None
        wait_for(lambda: flash.process and flash.process.poll() is not None)
        wait_for(lambda: owner.get(f"/devices/{flash.id}/status").json()["status"] == "offline", 5)
        flash.run()
        wait_for(lambda: owner.get(treat).json()["result"] == "dispensed")
        assert flash.turns() == [answer.json()["id"]]


def test_the_config_reaches_the_program_and_is_reported(stack: Stack, new_collar: Maker) -> None:
    flash = new_collar(interval_s=60)
    with stack.client() as owner:
        changed = owner.patch(f"/devices/{flash.id}", json={"config": {"telemetry_interval_s": 7}}).json()
        reported = "SELECT reported->>'config_version' FROM devices_device WHERE id = %s"
        wait_for(lambda: stack.rows(reported, flash.id) == [(str(changed["config_version"]),)])
        kept = json.loads((flash.path / "config.json").read_text())
        assert kept["telemetry_interval_s"] == 7


def test_commands_say_no_in_one_line(stack: Stack) -> None:
    for command in (
        ("retire_collar", "nonsense"),
        ("rotate_collar", "00000000-0000-7000-8000-000000000000"),
        ("provision_collar", "--owner", "nobody@example.com"),
        ("provision_collar", "--pet", "Rex"),
        ("rotate_collar",),
        ("simulate_collar", "--count", "x"),
        ("simulate_collar", "--count", "0"),
    ):
        done = stack.instance.manage(*command)
        assert done.returncode != 0
        assert len([line for line in done.stderr.splitlines() if line.strip()]) == 1, done.stderr


def test_commands_show_an_example() -> None:
    for name in ("provision_collar", "retire_collar", "rotate_collar", "simulate_collar"):
        command = load_command_class(get_commands()[name], name)
        assert "Example:" in command.create_parser("manage.py", name).format_help()


def test_a_form_that_cannot_be_cut_into_parts_is_refused_in_json(stack: Stack) -> None:
    with stack.client() as owner:
        refused = owner.post("/pets", content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert refused.status_code == 400
    assert refused.json().keys() >= {"code", "detail"}


def test_a_claim_code_from_the_command_is_claimed_and_the_collar_stays_connected(stack: Stack) -> None:
    made = json.loads(stack.instance.manage("provision_collar", "--json").stdout)
    from django.conf import settings

    before = settings.TLS_CA
    settings.TLS_CA = stack.instance.var / "tls" / "ca.pem"
    collar = Collar(made["mqtt"]).start()
    settings.TLS_CA = before
    with stack.client() as owner:
        answer = owner.post("/devices/claim", json={"claim_code": made["claim_code"].lower()})
        assert (answer.status_code, answer.json()["id"]) == (200, made["id"])
        wait_for(lambda: owner.get(f"/devices/{made['id']}/status").json()["status"] == "online")
    assert collar.connected
    assert stack.instance.manage("retire_collar", made["id"]).returncode == 0
    wait_for(lambda: not collar.connected, 5)
    collar.stop()


def test_a_lost_password_file_is_healed(stack: Stack) -> None:
    passwords = stack.instance.var / "mosquitto" / "collars.passwd"
    passwords.write_text("")
    wait_for(lambda: not (stack.instance.var / "collar" / "online").exists(), 10)
    stack.instance.manage("sync_broker")  # or beat was faster: it looks each minute
    assert stack.demo["device"] in passwords.read_text()
    wait_for((stack.instance.var / "collar" / "online").exists, 60)
