"""The alert rules: each fires for its own fault and for no other, and says where to read on."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ops.containers import PROMETHEUS
from ops.instance import prometheus_names
from ops.paths import ROOT
from ops.render import render

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
MINUTES = 120  # of a scenario, a value each minute
EVERY = "4m"  # the rules are looked at; each minute takes three times as long and shows the same
PROCESSES = ("web", "ingest", "worker", "beat", "relay")
PARTS = ("database", "redis", "broker", "https", "mqtts", "rtmps")
REACHED = 'hetri_treat_reached_seconds_bucket{le="%s"}'


def steady(value: float) -> str:
    """The same value all the time, as promtool reads it."""
    return f"{value}+0x{MINUTES}"


def rising(a_minute: float) -> str:
    """A counter."""
    return f"0+{a_minute}x{MINUTES}"


def stuck(at_minute: int) -> str:
    """A heartbeat that stops."""
    return f"0+60x{at_minute} {at_minute * 60}+0x{MINUTES - at_minute - 1}"


WELL = {
    **{f'up{{job="{name}"}}': steady(1) for name in PROCESSES},
    **{f'hetri_heartbeat_timestamp_seconds{{process="{name}"}}': rising(60) for name in PROCESSES[1:]},
    **{f'hetri_up{{part="{name}"}}': steady(1) for name in PARTS},
    'hetri_queue_depth{queue="celery"}': steady(2),
    'hetri_database_connections{state="idle"}': steady(20),
    "hetri_database_connections_max": steady(100),
    "hetri_pool_waiting": steady(0),
    'hetri_certificate_expires_seconds{door="https"}': steady(60 * 86400),
    "hetri_backup_every_seconds": steady(86400),
    "hetri_backup_age_seconds": steady(3600),
    "hetri_backup_log_age_seconds": steady(1),
    "hetri_disk_bytes": steady(100e9),
    "hetri_disk_free_bytes": steady(50e9),
    "hetri_ingest_lag_seconds": steady(0.01),
    "hetri_broker_stored_bytes": steady(1000),
    "hetri_ingest_samples_total": rising(6000),
    'hetri_rejected_total{reason="too_old"}': rising(10),
    'hetri_collars{status="online"}': steady(100),
    'hetri_treat_seconds_count{result="dispensed"}': rising(10),
    'hetri_treat_seconds_count{result="expired"}': rising(1),
    'hetri_treat_seconds_count{result="offline"}': rising(100),
    **{REACHED % le: rising(10) for le in ("0.1", "1", "5", "+Inf")},
    'hetri_streams{state="live"}': steady(2),
    "hetri_streams_max": steady(8),
    'hetri_requests_total{status="200"}': rising(1000),
    'hetri_requests_total{status="500"}': rising(1),
}
ILL = [
    ("HetriWebDown", {'up{job="web"}': steady(0)}),
    ("HetriIngestDown", {'up{job="ingest"}': steady(0)}),
    ("HetriIngestDown", {'hetri_heartbeat_timestamp_seconds{process="ingest"}': stuck(100)}),
    ("HetriWorkerSilent", {'hetri_heartbeat_timestamp_seconds{process="worker"}': stuck(100)}),
    ("HetriBeatSilent", {'up{job="beat"}': "_"}),
    ("HetriRelaySilent", {'hetri_heartbeat_timestamp_seconds{process="relay"}': stuck(100)}),
    ("HetriQueueDeep", {'hetri_queue_depth{queue="celery"}': rising(10)}),
    ("HetriDatabaseDown", {'hetri_up{part="database"}': steady(0)}),
    ("HetriDatabaseFull", {'hetri_database_connections{state="idle"}': steady(95)}),
    ("HetriDatabaseFull", {"hetri_pool_waiting": steady(3)}),
    ("HetriRedisDown", {'hetri_up{part="redis"}': steady(0)}),
    ("HetriBrokerDown", {'hetri_up{part="broker"}': steady(0)}),
    ("HetriDoorClosed", {'hetri_up{part="mqtts"}': steady(0)}),
    ("HetriCertificateEnds", {'hetri_certificate_expires_seconds{door="https"}': steady(13 * 86400)}),
    ("HetriBackupOld", {"hetri_backup_age_seconds": rising(1600)}),
    ("HetriBackupOld", {"hetri_backup_age_seconds": "_"}),
    ("HetriBackupLogOld", {"hetri_backup_log_age_seconds": rising(60)}),
    ("HetriDiskFull", {"hetri_disk_free_bytes": steady(9e9)}),
    ("HetriIngestLag", {"hetri_ingest_lag_seconds": rising(60)}),
    ("HetriIngestLag", {"hetri_broker_stored_bytes": steady(200e6)}),
    ("HetriRejectedSurge", {'hetri_rejected_total{reason="too_old"}': rising(1000)}),
    ("HetriFleetDrop", {'hetri_collars{status="online"}': "100+0x115 60+0x10"}),
    ("HetriTreatsFailing", {'hetri_treat_seconds_count{result="expired"}': rising(5)}),
    ("HetriTreatsSlow", {REACHED % "1": rising(5), REACHED % "0.1": rising(5)}),
    ("HetriStreamsFull", {'hetri_streams{state="live"}': steady(8)}),
    ("HetriErrors", {'hetri_requests_total{status="500"}': rising(100)}),
]
# Faults where they are none: no backups are wanted.
FINE = {
    "hetri_backup_every_seconds": steady(0),
    "hetri_backup_age_seconds": "_",
    "hetri_backup_log_age_seconds": rising(60),
}


def scenario(ill: dict[str, str], firing: list[str]) -> dict[str, object]:
    """What promtool is to see: exactly these alerts at the end, and none before it began."""
    fired = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in firing]
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in {**WELL, **ill}.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{MINUTES}m",
                "exp_samples": fired,
            }
        ],
    }


def promtool(folder: Path, *arguments: str) -> None:
    command = ["promtool", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts() -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_each_alert_fires_for_its_own_fault_and_for_no_other(tmp_path: Path) -> None:
    scenarios = [scenario({}, []), scenario(FINE, []), *(scenario(ill, [name]) for name, ill in ILL)]
    told = {"rule_files": [str(RULES)], "evaluation_interval": EVERY, "tests": scenarios}
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(told))
    promtool(tmp_path, "test", "rules", "tests.yml")
    assert {str(rule["alert"]) for rule in alerts()} == {name for name, _ in ILL}


def test_each_alert_leads_to_its_own_entry_of_the_runbook() -> None:
    headings = re.findall(r"^#+ (Hetri\w+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    assert headings == [rule["alert"] for rule in alerts()]
    for rule in alerts():
        notes = rule["annotations"]
        assert isinstance(notes, dict)
        assert notes["runbook"] == f"docs/operations.md#{str(rule['alert']).lower()}"


@pytest.mark.parametrize("where", ["dev", "containers"])
def test_prometheus_takes_its_configuration(where: str, tmp_path: Path) -> None:
    names = {"dev": prometheus_names(tmp_path), "containers": PROMETHEUS}[where]
    config = render(ROOT / "deploy" / "prometheus" / "prometheus.yml", {**names, "rules": "rules.yml"})
    (tmp_path / "prometheus.yml").write_text(config)
    shutil.copy(RULES, tmp_path)
    promtool(tmp_path, "check", "config", "prometheus.yml")
