"""What a release may do to tables that are in use (docs/upgrade.md)."""

import pytest
from django.apps import apps
from django_migration_linter import MigrationLinter

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
