"""What Prometheus reads of the running stack."""

import re

import yaml

from ops.paths import ROOT
from tests.conftest import Stack
from tools.testing import wait_for

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"


def value(text: str, series: str) -> float:
    """The value of a series; 0 while it is not there."""
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_every_figure_that_a_rule_names_is_told_by_some_process(stack: Stack) -> None:
    rules = [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    wanted = {re.sub("_(bucket|count|sum)$", "", name) for name in re.findall(r"hetri_\w+", " ".join(rules))}
    processes = wait_for(lambda: len(told := stack.metrics()) == 5 and told)
    assert processes.keys() == {"web", "ingest", "worker", "beat", "relay"}
    told = set(re.findall(r"^# TYPE (hetri_\w+) ", "".join(processes.values()), re.MULTILINE))
    assert wanted - told == set()


def test_a_treat_and_its_request_are_counted_and_the_parts_are_up(stack: Stack) -> None:
    treats = f"/devices/{stack.demo['device']}/treat"
    before = stack.metrics()
    with stack.client() as owner:
        assert owner.post(treats).json()["result"] == "dispensed"
        assert owner.get("/metrics").status_code == 404
        assert owner.get("/internal/metrics").status_code == 404
    after = stack.metrics()
    request = 'hetri_requests_total{method="POST",route="devices/<uuid:device_id>/treat",status="200"}'
    assert value(after["web"], request) == value(before["web"], request) + 1
    for series in ('hetri_treat_seconds_count{result="dispensed"}', "hetri_treat_reached_seconds_count"):
        assert value(after["ingest"], series) == value(before["ingest"], series) + 1
    assert value(after["ingest"], "hetri_ingest_samples_total") > 0
    for part in ("database", "redis", "broker", "https", "mqtts", "rtmps"):
        assert value(after["beat"], f'hetri_up{{part="{part}"}}') == 1
    assert value(after["beat"], 'hetri_collars{status="online"}') >= 1
    assert value(after["beat"], 'hetri_certificate_expires_seconds{door="https"}') > 86400
    wait_for(lambda: "\nhetri_broker_sessions " in stack.metrics()["beat"], 15)
    assert "hetri_backup_age_seconds " in after["beat"]
