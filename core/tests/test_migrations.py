"""What a release may do to tables that are in use (docs/upgrade.md)."""

import hashlib
import os
import subprocess
import sys

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django_migration_linter import MigrationLinter

from conftest import database_url

OURS = [config.label for config in apps.get_app_configs() if "site-packages" not in config.path]
# Looked at: the tables that they index have a row for each collar, pet, or person. `./dev bench upgrade` measures them.
REVIEWED = ["0002_hot_rows", "0002_picture", "0003_batches", "0003_sign_in_failures"]
NAMING = ["RUNPYTHON_ARGS_NAMING_CONVENTION", "RUNPYTHON_MODEL_VARIABLE_NAME"]


def test_no_migration_holds_a_table_for_long_or_breaks_the_code_before_it(
    live_db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    linter = MigrationLinter(
        include_apps=OURS,
        ignore_name=REVIEWED,
        ignore_initial_migrations=True,
        exclude_migration_tests=NAMING,
        all_warnings_as_errors=True,
    )
    linter.lint_all_migrations()
    assert not linter.has_errors, capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"), [(["--check"], 0, ""), ([], 1, "Another migrate runs. Wait for it.")]
)
def test_one_migrates_at_a_time_while_anybody_may_look(live_db: None, words: list[str], code: int, said: str) -> None:
    name = int.from_bytes(hashlib.sha256(b"migrate-with-timeouts").digest()[:8], "little", signed=True)
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT pg_try_advisory_lock(%s)", [name])  # or this run has it, which made the database
        command = [sys.executable, "manage.py", "migrate", *words]
        env = {**os.environ, "DATABASE_URL": database_url()}
        done = subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
