"""PostgreSQL's advisory locks: whole jobs that must not run twice at once. Every number of ours is here."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum

from django.db import DatabaseError, connection


class Lock(IntEnum):
    """What only one may do at a time."""

    BROKER_FILE = 0x4865_7472  # write the broker's file of identities
    BATCH_NUMBER = 0x4865_7442  # take the next number of a batch
    OPEN_STREAMS = 0x4845_5452  # count the open streams, and begin one
    PARTITIONS = 0x7061_7274  # make or drop partitions
    ROLLOUTS = 0x726F_7574  # roll a release out, or take it back
    ROLLUPS = 0x726F_6C6C  # compute rollups


def hold_until_commit(lock: Lock) -> None:
    """Wait for the lock; it ends with the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])


@contextmanager
def hold(lock: Lock, *, wait_s: float) -> Iterator[None]:
    """Hold it outside a transaction. Raises OperationalError when it is not free within `wait_s`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{wait_s}s"])
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [lock])
        finally:
            with suppress(DatabaseError):
                cursor.execute("RESET lock_timeout")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])
