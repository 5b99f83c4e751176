"""A real server, written to all the time, backed up, destroyed and restored."""

import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
import pytest

from ops.backup.options import Options, Refused, read
from ops.backup.place import bases, streams
from ops.backup.restoring import restore
from ops.instance import Instance
from ops.paths import ROOT
from tools.testing import wait_for

STORE = b"what the broker keeps"


class Writer(threading.Thread):
    """Commits a row at a time and notes when each was acknowledged, until the server is gone."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.acked: list[datetime] = []  # row n is there since acked[n]

    def run(self) -> None:
        try:
            with psycopg.connect(self._url, autocommit=True) as connection:
                while True:
                    connection.execute("INSERT INTO written VALUES (%s)", [len(self.acked)])
                    self.acked.append(datetime.now(UTC))
        except psycopg.OperationalError:
            return  # killed under us: this one was not acknowledged


@dataclass
class Lost:
    """An installation whose server was killed and whose data is gone; `sure` rows were acknowledged and received."""

    instance: Instance
    sure: int
    middle: datetime
    acked: list[datetime] = field(default_factory=list)

    @property
    def options(self) -> Options:
        return read(self.instance.env)

    def numbers(self) -> list[int]:
        """The rows that a server with the restored files tells."""
        self.instance.start(["postgres"])
        with psycopg.connect(self.instance.env["HETRI_BACKUP_URL"]) as connection:
            return [row[0] for row in connection.execute("SELECT number FROM written ORDER BY 1").fetchall()]


@contextmanager
def keeper(instance: Instance) -> Iterator[None]:
    """The process that .env asks for; told to end, it does so at once."""
    env = {**instance.env, "HETRI_BACKUP_EVERY_H": "24"}
    with subprocess.Popen([sys.executable, "-m", "ops.backup", "serve"], cwd=ROOT, env=env) as process:
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(10) == 0


@pytest.fixture(scope="module")
def lost() -> Iterator[Lost]:
    """Backed up while it was written to, then destroyed while it was written to."""
    with Instance(ROOT / "var" / "test" / f"backup-{uuid.uuid4().hex[:8]}", test=True, quick=True) as instance:
        (instance.var / "mosquitto" / "mosquitto.db").write_bytes(STORE)
        instance.start(["postgres"])
        url = instance.env["HETRI_BACKUP_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE written (number bigint)")
        writer = Writer(url)
        writer.start()
        with keeper(instance):
            wait_for(lambda: bases(read(instance.env).folder), 30)
            middle = datetime.now(UTC)
            seen = len(writer.acked)
            wait_for(lambda: len(writer.acked) > seen + 100)
            sure = _received(url, writer)
            _destroy(instance)
        writer.join(10)
        yield Lost(instance, sure, middle, writer.acked)


def _received(url: str, writer: Writer) -> int:
    """How many rows are surely in the backup now: acknowledged before a place in the log that has been received."""
    query = "SELECT bool_or(write_lsn >= %s::pg_lsn) FROM pg_stat_replication WHERE application_name = 'pg_receivewal'"
    with psycopg.connect(url, autocommit=True) as connection:
        sure = len(writer.acked)
        place = connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        wait_for(lambda: (connection.execute(query, place).fetchone() or [False])[0])
    return sure


def _destroy(instance: Instance) -> None:
    """kill -9 while it is written to; the disk with the database and the broker's store is gone."""
    instance.kill("postgres")
    instance.stop()  # before it is started again
    shutil.rmtree(instance.var / "postgres")
    shutil.rmtree(instance.var / "mosquitto")
    instance.prepare()


@pytest.fixture(autouse=True)
def _stopped(lost: Lost) -> Iterator[None]:
    yield
    lost.instance.stop()


def test_nothing_that_was_acknowledged_and_received_is_missing(lost: Lost) -> None:
    restore(lost.options)
    assert lost.numbers()[: lost.sure] == list(range(lost.sure))
    assert (lost.instance.var / "mosquitto" / "mosquitto.db").read_bytes() == STORE


def test_it_goes_back_to_a_moment_and_keeps_what_was_there(lost: Lost) -> None:
    restore(lost.options, to=lost.middle)
    found = lost.numbers()
    before = sum(at <= lost.middle for at in lost.acked)
    assert found == list(range(len(found)))
    assert before <= len(found) <= before + 1  # one may have been committed and not yet acknowledged
    with pytest.raises(Refused, match="The database runs"):
        restore(lost.options)


def test_a_restored_database_begins_a_new_stream_and_a_new_keeper_goes_on_in_it(lost: Lost) -> None:
    restore(lost.options)
    known = streams(lost.options.folder)
    lost.instance.start(["postgres"])
    with keeper(lost.instance):
        added = wait_for(lambda: [one for one in streams(lost.options.folder) if one not in known and one.bases()], 30)
    current = lost.options.told / "log-current"
    current.unlink()
    with keeper(lost.instance):
        wait_for(current.exists, 30)
    assert [one for one in streams(lost.options.folder) if one not in known] == added
