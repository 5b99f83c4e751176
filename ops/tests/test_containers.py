"""What the containers' first service writes into the volumes, from .env."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops import tls
from ops.environment import read_env_file
from ops.paths import ROOT

IN_IMAGE = ("settings", "tls", "certificate", "acme", "mosquitto", "nginx", "rtmp", "prometheus", "database", "queue")
ELSEWHERE = "postgres://hetri:f3Kq9-Zt7Lw2@db.example/hetri?sslmode=verify-full"


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    for name in IN_IMAGE:
        (tmp_path / name).mkdir()
    return tmp_path


def prepare(volumes: Path, **said: str) -> str:
    """Run it as compose does; what it refuses."""
    env = {"PATH": os.environ["PATH"], "HETRI_VAR": str(volumes), "HETRI_ACME_ROOTS": "none", **said}
    command = [sys.executable, "-m", "ops.containers"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False).stderr


def test_a_change_of_env_arrives_and_secrets_stay(volumes: Path) -> None:
    assert prepare(volumes, HETRI_URL="https://a.example", HETRI_ACME_EMAIL="ops@a.example") == ""
    before = read_env_file(volumes / "settings" / "app.env")
    assert prepare(volumes, HETRI_URL="https://b.example") == ""
    after = read_env_file(volumes / "settings" / "app.env")
    assert (before.pop("HETRI_URL"), after.pop("HETRI_URL")) == ("https://a.example", "https://b.example")
    assert before.pop("HETRI_ACME_EMAIL")
    assert after == before
    assert "b.example" in (volumes / "nginx" / "web.conf").read_text()
    assert not (volumes / "acme" / "cli.ini").exists()


def test_other_processes_learn_nothing_of_its_own_folders(volumes: Path) -> None:
    assert prepare(volumes, HETRI_FILES="/srv/files", HETRI_BACKUP_DIR="/mnt/disk") == ""
    handed_on = read_env_file(volumes / "settings" / "app.env")
    assert not {"HETRI_FILES", "HETRI_BACKUP_DIR", "HETRI_VAR", "HETRI_WAIT"} & handed_on.keys()


def test_a_database_elsewhere_is_not_left_without_backups(volumes: Path) -> None:
    assert "Set HETRI_BACKUP_URL" in prepare(volumes, DATABASE_URL=ELSEWHERE)
    assert prepare(volumes, DATABASE_URL=ELSEWHERE, HETRI_BACKUP_EVERY_H="0") == ""
    assert prepare(volumes, DATABASE_URL=ELSEWHERE, HETRI_BACKUP_URL=ELSEWHERE) == ""


def test_every_name_that_people_may_use_is_in_the_certificate(volumes: Path) -> None:
    assert prepare(volumes, HETRI_URL="https://a.example", HETRI_ALLOWED_HOSTS="b.example,.c.example") == ""
    served = volumes / "certificate" / "server.pem"
    assert tls.is_good(served, "a.example", "b.example")
