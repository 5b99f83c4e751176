"""upgrade: what everybody else waits for while 10 million samples are migrated from the first release's tables.

Collars and pages go on meanwhile, and somebody reads two tables in a long transaction: a migration must not queue
behind that one, since all who come later would queue behind it. The reference is the second that is promised.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

from tools.benchmarks.fleet import SAMPLES, fill
from tools.benchmarks.report import report

LIMIT_S = 1.0
READ_S = 12.0  # of the long transaction
CALM_S = 5.0
FIRST = (
    ("staff", "zero"),
    ("firmware", "zero"),
    ("streaming", "zero"),
    ("telemetry", "0001"),
    ("devices", "0001"),
    ("pets", "0001"),
)
SOME = "SELECT id FROM devices_device WHERE mqtt_pass_hash = 'x' LIMIT 200"
WORK = (
    "UPDATE devices_device SET last_seen = now() WHERE id = %s",
    "INSERT INTO telemetry_rollupmark (device_id, start) VALUES (%s, now())",
    "UPDATE telemetry_rollup SET steps = 0 WHERE device_id = %s AND width = 3600 AND start > now() - '2h'::interval",
    "SELECT count(*) FROM telemetry_sample WHERE device_id = %s AND ts > now() - interval '1 h'",
    "SELECT count(*) FROM devices_treatevent WHERE device_id = %s",
    "SELECT count(*) FROM pets_pet WHERE id = %s",
    "UPDATE accounts_user SET name = name WHERE id = %s",
)
WAITS = """
    SELECT extract(epoch FROM clock_timestamp() - waitstart)::float, a.query FROM pg_locks
    JOIN pg_stat_activity AS a USING (pid) WHERE NOT granted AND application_name = 'load' AND waitstart IS NOT NULL
"""


class Load:
    """What collars and pages do, in two threads; the longest that one statement took, and waited for a lock."""

    def __init__(self) -> None:
        self.slowest, self.waited = 0.0, (0.0, "")
        self.done = threading.Event()
        self._threads = [threading.Thread(target=act, daemon=True) for act in (self._work, self._work, self._watch)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.done.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        with _connect("load") as own:
            devices = [row[0] for row in own.execute(SOME).fetchall()]
            while not self.done.is_set():
                for device in devices:
                    for statement in WORK:
                        began = time.monotonic()
                        own.execute(statement, [device])
                        self.slowest = max(self.slowest, time.monotonic() - began)

    def _watch(self) -> None:
        with _connect("watch") as own:
            while not self.done.wait(0.01):
                self.waited = max([self.waited, *own.execute(WAITS).fetchall()])


def _connect(name: str) -> "psycopg.Connection[Any]":
    """A connection of its own, outside Django's pool."""
    return psycopg.connect(os.environ["DATABASE_URL"], application_name=name, autocommit=True)


@contextmanager
def _long_reader() -> Iterator[None]:
    """Somebody who holds a table for a while, as a report or a dump does."""

    def read() -> None:
        with _connect("reader") as own:
            own.execute("BEGIN")
            own.execute("SELECT 1 FROM telemetry_rollup, devices_device LIMIT 1")
            time.sleep(READ_S)
            own.execute("COMMIT")

    thread = threading.Thread(target=read)
    thread.start()
    yield
    thread.join()


def _migrate(*words: str) -> tuple[float, str]:
    """Seconds that it took, and what it said. An error is an AssertionError."""
    began = time.monotonic()
    command = [sys.executable, "manage.py", "migrate", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return time.monotonic() - began, done.stdout


def _seen(act: Callable[[], object]) -> Load:
    with Load() as load:
        act()
    return load


def run() -> None:
    """Fill, go back to the first release's tables, and migrate under load; going back is watched as well."""
    fill()
    connection.close()
    calm = _seen(lambda: time.sleep(CALM_S))
    back = _seen(lambda: [_migrate(*target) for target in FIRST])
    said: list[tuple[float, str]] = []
    with _long_reader():
        forth = _seen(lambda: said.append(_migrate()))
    took, words = said[0]
    print(words)
    report(
        "upgrade",
        forth.waited[0] / LIMIT_S,
        (forth.waited[0], "s"),
        (LIMIT_S, "s"),
        waited_for=forth.waited[1],
        migrate_s=round(took, 1),
        tries=words.count("a table is in use") + 1,
        slowest_statement_s=round(forth.slowest, 3),
        slowest_before_s=round(calm.slowest, 3),
        going_back_waited_s=round(back.waited[0], 3),
        going_back_on=back.waited[1],
        samples=SAMPLES,
    )
