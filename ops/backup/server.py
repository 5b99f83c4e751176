"""PostgreSQL as backups need it: its programs, and the slots that keep its log for us."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ops.backup.options import Refused
from ops.backup.place import SLOT_PREFIX
from ops.postgres import BIN
from ops.processes import ends_with_us

CONNECT_S = 5


class Server:
    """The running server, under a role that may replicate."""

    def __init__(self, url: str) -> None:
        known = conninfo_to_dict(url)
        self._password = str(known.pop("password", "") or "")
        self._info = make_conninfo("", **{"connect_timeout": CONNECT_S, **known})

    @property
    def env(self) -> dict[str, str]:
        """The environment of its programs: a password does not belong on a command line."""
        secret = {"PGPASSWORD": self._password} if self._password else {}
        return {**os.environ, **secret, "LC_ALL": "C.UTF-8"}

    def command(self, program: str, *words: str) -> list[str]:
        """The command line of one of its programs that connects."""
        return [str(BIN / program), "--dbname", self._info, *words]

    @contextmanager
    def _open(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self._info, password=self._password or None, autocommit=True) as connection:
            yield connection

    def answers(self) -> bool:
        """Whether a server is there, even one that refuses us."""
        command = [str(BIN / "pg_isready"), "--quiet", "--dbname", self._info]
        return subprocess.run(command, env=self.env, check=False).returncode in (0, 1)

    def bytes(self) -> int:
        """What all its databases take on disk."""
        with self._open() as connection:
            row = connection.execute("SELECT sum(pg_database_size(oid))::bigint FROM pg_database").fetchone()
        return int(row[0]) if row else 0

    def slots(self) -> dict[str, bool]:
        """Our slots, and whether the log from there on is still whole."""
        query = "SELECT slot_name, wal_status <> 'lost' FROM pg_replication_slots WHERE starts_with(slot_name, %s)"
        with self._open() as connection:
            return dict(connection.execute(query, [SLOT_PREFIX]).fetchall())

    def make_slot(self, name: str) -> None:
        """Keep the log from now on."""
        with self._open() as connection:
            connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [name])

    def drop_slots(self) -> None:
        """Keep the log for none of our slots that nobody listens to."""
        query = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active"
        with self._open() as connection:
            connection.execute(f"{query} AND starts_with(slot_name, %s)", [SLOT_PREFIX])

    def behind(self, slot: str) -> int | None:
        """Bytes of log that were written and are not with us yet; None when nobody listens to that slot."""
        query = """
            SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), write_lsn)::bigint FROM pg_stat_replication
            JOIN pg_replication_slots ON active_pid = pid WHERE slot_name = %s
        """
        with self._open() as connection:
            row = connection.execute(query, [slot]).fetchone()
        return int(row[0]) if row and row[0] is not None else None


def run(command: list[str], env: dict[str, str] | None = None) -> None:
    """Run a program to its end. Raises Refused with its last words."""
    ends = ends_with_us(signal.SIGINT)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, preexec_fn=ends)
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise Refused(f"{os.path.basename(command[0])}: {' '.join(words[-3:]) or f'ended with {done.returncode}'}")
