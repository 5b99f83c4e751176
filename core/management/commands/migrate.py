from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.migrate import Command as PlainMigrate
from django_pg_migration_tools.management.commands import migrate_with_timeouts

LOCK_MS = 500  # while a migration waits for a lock, everybody who comes after it waits, too
RETRIES, PAUSE_MS, PAUSE_MOST_MS = 60, 1_000, 10_000  # about ten minutes


class Command(migrate_with_timeouts.Command):
    help = "Django's migrate. It never waits long for a lock behind others, but lets go and tries again."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(
            lock_timeout_in_ms=LOCK_MS,
            lock_timeout_max_retries=RETRIES,
            lock_timeout_retry_min_wait_in_ms=PAUSE_MS,
            lock_timeout_retry_max_wait_in_ms=PAUSE_MOST_MS,
            retry_callback_path=f"{__name__}.say",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """One migrates at a time; those who only look (each container at its start) are not counted."""
        if options["check_unapplied"] or options["plan"]:
            PlainMigrate.handle(self, *args, **options)
            return
        try:
            super().handle(*args, **options)
        except migrate_with_timeouts.LockAlreadyAcquired as busy:
            raise CommandError("Another migrate runs. Wait for it.") from busy


def say(state: migrate_with_timeouts.RetryState) -> None:
    """Tell that somebody holds what a migration needs."""
    print(f"migrate: a table is in use, tried {state.lock_timeouts_count} times", flush=True)
