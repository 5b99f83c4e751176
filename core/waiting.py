"""Waiting for others inside a request: for a short while, with nothing in hand, and not too many at once.

Who waits has a thread of the process, which is little; a database connection would be one of few.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from core.errors import Busy

PATIENCE_S = 5.0  # a person takes that for slow, not for broken; nginx waits for longer
MOST = 60  # that wait in a process: its container may have 200 threads (docker-compose.yml, pids_limit)
_room = threading.BoundedSemaphore(MOST)


def let_go_of_connections() -> None:
    """Give this thread's database connections back to the pool, unless a transaction is open on them."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


@contextmanager
def waiting() -> Iterator[None]:
    """Around a wait. Raises Busy at once when too many wait already."""
    if not _room.acquire(blocking=False):
        raise Busy
    try:
        let_go_of_connections()
        yield
    finally:
        _room.release()
