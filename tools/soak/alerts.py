"""Ingest is killed, again and again, under a real Prometheus: its alert must fire, and be over once ingest is back."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import yaml

from firmware.tests.broker import wait_until
from ops import ports
from ops.instance import Instance, prometheus_names
from ops.parts import ALL
from ops.paths import ROOT
from ops.render import render_file

ALERT = "HetriIngestDown"
EVERY = "2s"  # Prometheus looks so often here; for real it is 15 s
FIRES_WITHIN_S = 90  # `for` of the rule is 60
BACK_WITHIN_S = 60
JOBS = ("web", "ingest", "worker", "beat", "relay")
USUAL = {"HetriDiskFull"}  # of a machine that is not looked after
RULES = ROOT / "deploy" / "prometheus"


def run() -> Mapping[str, object]:
    """Seconds from the first kill until the expression was true, until the alert fired; from the end of it until over.

    Raises AssertionError if it waits in vain for one of them, or if others fire while all is well.
    """
    with Instance(ROOT / "var" / "test" / f"alerts-{os.getpid()}", test=True) as instance:
        instance.start(ALL, steps=True, seconds=180)
        with _prometheus(instance) as url:
            wait_until(lambda: not _alerts(url) - USUAL, "no alert while all is well", 60)
            return {"usual": sorted(_alerts(url)), **_kill_ingest(instance, url)}


@contextmanager
def _prometheus(instance: Instance) -> Iterator[str]:
    folder, port = instance.var / "prometheus", ports.reserve()
    render_file(RULES / "prometheus.yml", folder / "prometheus.yml", prometheus_names(instance.var, EVERY))
    places = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command = ["prometheus", *places, f"--web.listen-address=127.0.0.1:{port}"]
    with open(instance.var / "log" / "prometheus.log", "ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        base = f"http://127.0.0.1:{port}"
        wait_until(lambda: _is_ready(base), "Prometheus is ready", 60)
        yield f"{base}/api/v1"
    finally:
        process.terminate()
        process.wait(30)


def _is_ready(base: str) -> bool:
    try:
        with urlopen(f"{base}/-/ready", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _kill_ingest(instance: Instance, url: str) -> dict[str, object]:
    """Keep it dead until the alert fires, then let it come back."""
    began, expression = time.monotonic(), _expression()
    seen: dict[str, float] = {}

    def fires() -> bool:
        instance.kill("ingest")
        time.sleep(0.2)
        if "true_after_s" not in seen and _true(url, expression):
            seen["true_after_s"] = round(time.monotonic() - began, 1)
        return _firing(url, ALERT)

    wait_until(fires, f"{ALERT} fires", FIRES_WITHIN_S)
    fired = round(time.monotonic() - began, 1)
    began = time.monotonic()
    instance.wait_healthy(60)
    wait_until(lambda: not _firing(url, ALERT), f"{ALERT} is over", BACK_WITHIN_S)
    return {**seen, "fired_after_s": fired, "over_after_s": round(time.monotonic() - began, 1)}


def _expression() -> str:
    groups = yaml.safe_load((RULES / "rules.yml").read_text())["groups"]
    return next(str(rule["expr"]) for group in groups for rule in group["rules"] if rule["alert"] == ALERT)


def _alerts(url: str) -> set[str]:
    """Those that are pending or firing, and every job that is not there yet."""
    missing = {job for job in JOBS if not _true(url, f'up{{job="{job}"}} == 1')}
    return missing | {alert["labels"]["alertname"] for alert in _ask(f"{url}/alerts")["alerts"]}


def _true(url: str, expression: str) -> bool:
    return bool(_ask(f"{url}/query?query={quote(expression)}")["result"])


def _firing(url: str, name: str) -> bool:
    alerts = _ask(f"{url}/alerts")["alerts"]
    return any(alert["labels"]["alertname"] == name and alert["state"] == "firing" for alert in alerts)


def _ask(url: str) -> Any:
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]
