import logging
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.checks import ERROR
from django.core.files.storage import storages
from django.core.management.base import BaseCommand
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import ProgrammingError

log = logging.getLogger(__name__)
LOOK_S = 1.0


class Command(BaseCommand):
    help = """Refuse weak settings (as `check --deploy` does), then wait for migrations and static files.

    Example: manage.py await_start && daphne hetri.asgi:application"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--settings-only", action="store_true", help="do not wait for the database")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises SystemCheckError, which tells what to set."""
        self.check(include_deployment_checks=True, fail_level=ERROR)
        if not options["settings_only"]:
            _wait_until(_is_migrated, "waiting_for_migrations")
            _wait_until(_is_collected, "waiting_for_static_files")


def _wait_until(ready: Callable[[], bool], event: str) -> None:
    """Say once that it is not."""
    said = False
    while not ready():
        if not said:
            log.info(event)
        said = True
        time.sleep(LOOK_S)


def _is_collected() -> bool:
    """Whether their names are known: a process reads them once, and every page needs them."""
    storage = storages["staticfiles"]
    return not isinstance(storage, ManifestFilesMixin) or storage.read_manifest() is not None


def _is_migrated() -> bool:
    """Whether the database answers and no migration is left."""
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (OperationalError, ProgrammingError):
        return False
    finally:
        connection.close()
