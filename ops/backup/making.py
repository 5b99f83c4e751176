"""Makes a base backup, verifies it, and removes what is older than what is kept."""

import json
import logging
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from ops.backup.options import Options
from ops.backup.place import (
    STAMP,
    Base,
    Stream,
    bases,
    fingerprint,
    flush,
    new_stream,
    only_one,
    require_space,
    size_of,
    streams,
)
from ops.backup.server import Server, run
from ops.postgres import BIN

log = logging.getLogger("backup")
SPARE = 1.1  # of the databases' size: the log that is written meanwhile comes on top
SPARE_BYTES = 200_000_000


def make(options: Options, server: Server) -> Base:
    """Make one beside the log that is being kept, or on its own when none is. Raises Refused, psycopg.Error."""
    with only_one(options.folder, "base"):
        slots = server.slots()
        kept = [stream for stream in streams(options.folder) if slots.get(stream.slot)]
        require_space(options.folder, int(server.bytes() * SPARE) + SPARE_BYTES)
        base = _make_in(kept[-1] if kept else new_stream(options.folder), options, server)
        prune(options)
    options.told.mkdir(parents=True, exist_ok=True)
    (options.told / "last-success").touch()
    log.info("backup_made", extra={"base": str(base.path), **base.facts})
    return base


def _make_in(stream: Stream, options: Options, server: Server) -> Base:
    for left in options.folder.glob("*Z/base-*.part"):
        shutil.rmtree(left)
    began = datetime.now(UTC)
    part = stream.path / f"base-{began:{STAMP}}.part"
    # The broker's store first: what it holds longer than the database is delivered again, and a repeat changes nothing.
    _copy_store(options.var / "mosquitto" / "mosquitto.db", part / "broker")
    words = ["--pgdata", str(part / "data"), "--wal-method", "stream", "--checkpoint", "fast", "--label", "hetri"]
    run(server.command("pg_basebackup", *words, *(["--no-sync"] if options.quick else [])), server.env)
    run([str(BIN / "pg_verifybackup"), "--quiet", str(part / "data")])
    ended = datetime.now(UTC)
    facts = {"began": began.isoformat(), "ended": ended.isoformat(), "bytes": size_of(part)}
    facts |= {"seconds": round((ended - began).total_seconds(), 1), "secrets": fingerprint(options.secrets)}
    (part / "facts.json").write_text(json.dumps(facts))
    base = Base(part.with_suffix(""))
    part.rename(base.path)
    flush(stream.path)
    return base


def _copy_store(store: Path, target: Path) -> None:
    """The broker replaces its file as a whole, so a copy is one moment of it."""
    target.mkdir(parents=True, mode=0o700)
    if store.exists():
        shutil.copy2(store, target)


def prune(options: Options) -> None:
    """Keep the newest base backups, and of the log what they need."""
    for base in bases(options.folder)[: -options.keep]:
        shutil.rmtree(base.path)
    *older, newest = streams(options.folder)
    for stream in (*older, newest):
        if left := stream.bases():
            run([str(BIN / "pg_archivecleanup"), str(stream.wal), left[0].first_segment])
        elif stream != newest:
            shutil.rmtree(stream.path)


def age_s(options: Options) -> float:
    """Seconds since the last success; endless without one."""
    try:
        return time.time() - (options.told / "last-success").stat().st_mtime
    except FileNotFoundError:
        return float("inf")
