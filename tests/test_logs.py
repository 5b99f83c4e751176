"""The logs of the running stack: one id through all of them, JSON lines, and no secret."""

import json
import os
import re
import signal

from ops.environment import read_env_file
from tests.conftest import Stack
from tools.testing import wait_for


def events(stack: Stack, process: str, treat: str) -> list[str]:
    """What that process's log says of the treat."""
    log = (stack.instance.var / "log" / f"{process}.log").read_text()
    lines = [json.loads(line) for line in log.splitlines() if treat in line]
    return [line["event"] for line in lines if line.get("treat") == treat]


def test_one_id_follows_a_tap_from_the_page_to_the_collar_and_back(stack: Stack) -> None:
    logs, treats = stack.instance.var / "log", f"/devices/{stack.demo['device']}/treat"
    with stack.client() as owner:
        answer = owner.post(treats)
        treat, request = answer.json()["id"], answer.headers["X-Request-ID"]
        wait_for(lambda: events(stack, "access", treat) == ["request"])
        assert events(stack, "web", treat) == ["treat_ordered"]
        for log in ("access", "web"):
            assert request in (logs / f"{log}.log").read_text()
        assert events(stack, "ingest", treat) == ["treat_reached", "treat_settled"]
        said = re.findall(rf"collar \S+ (\w+) id={treat}", (logs / "collar.log").read_text())
        assert said == ["treat_taken", "treat"]


def test_the_worker_says_the_id_of_a_treat_that_nobody_answered(stack: Stack) -> None:
    collar = stack.instance.pid("collar")
    assert collar is not None
    os.kill(collar, signal.SIGSTOP)
    try:
        with stack.client() as owner:
            answer = owner.post(f"/devices/{stack.demo['device']}/treat", headers={"Prefer": "wait=0"})
        treat = answer.json()["id"]
        stack.change("UPDATE devices_treatevent SET expires_at = now() WHERE id = %s", treat)
        wait_for(lambda: events(stack, "worker", treat) == ["treat_settled"])
    finally:
        os.kill(collar, signal.SIGCONT)


def test_each_line_of_our_processes_and_of_nginx_is_json(stack: Stack) -> None:
    for name in ("web", "ingest", "worker", "beat", "relay", "access"):
        for line in (stack.instance.var / "log" / f"{name}.log").read_text().splitlines():
            assert json.loads(line).keys() >= {"time", "event"}, name


def test_no_log_holds_a_secret(stack: Stack) -> None:
    reset, logs = "c0ffee-0123456789abcdef0123456789abcdef", stack.instance.var / "log"
    with stack.client() as owner:
        access = owner.headers["Authorization"].split()[1]
        made = owner.post("/devices", json={"name": "Rex"}).json()
        handed = owner.post(f"/devices/{made['id']}/handover", json={"password": stack.demo["owner"]["password"]})
        owner.get(f"/account/password/reset/1-{reset}")
        stack.instance.kill("web")  # an error names the path
        assert owner.get(f"/account/password/reset/1-{reset}").status_code in (200, 503)
    stack.instance.wait_healthy()
    wait_for(lambda: "/account/password/reset/***" in (logs / "access.log").read_text())
    secrets = {
        *read_env_file(stack.instance.var / "secrets.env").values(),
        *(stack.demo[who]["password"] for who in ("owner", "staff")),
        json.loads((stack.instance.var / "collar" / "device.json").read_text())["mqtt"]["password"],
        *(access, made["mqtt"]["password"], handed.json()["claim_code"], reset),
    }
    texts = {path.name: path.read_text(errors="replace") for path in logs.iterdir()}
    assert [(name, secret) for name, text in texts.items() for secret in secrets if secret in text] == []
