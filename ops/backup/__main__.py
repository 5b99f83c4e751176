"""`python -m backup now | list | restore [--to TIME] | serve`; ./dev backup and ./dev restore lead here."""

import argparse
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from core.logs import ConsoleFormatter, JsonFormatter
from ops.backup.making import make
from ops.backup.options import Options, Refused, read
from ops.backup.place import bases, streams
from ops.backup.restoring import restore
from ops.backup.server import Server
from ops.backup.serving import Keeper


def _now(options: Options, given: argparse.Namespace) -> None:
    """make a base backup, verify it, and remove the oldest"""
    made = make(options, Server(options.url))
    print(f"{made.path}: {made.facts['bytes']} bytes, {made.facts['seconds']} s, verified")


def _list(options: Options, given: argparse.Namespace) -> None:
    """the base backups, oldest first, and until when each can be followed"""
    until = {stream.path: stream.newest_log() for stream in streams(options.folder)}
    for base in bases(options.folder):
        to = max(base.ended, until[base.path.parent] or base.ended)
        print(f"{base.path.name} {base.facts['bytes']} bytes, any moment from {base.ended:%FT%TZ} to {to:%FT%TZ}")


def _restore(options: Options, given: argparse.Namespace) -> None:
    """make the database and the broker's store again; everything must be stopped"""
    base = restore(options, to=given.to)
    print(f"Restored from {base.path.name}. Start everything, then run: manage.py sync_broker")


def _serve(options: Options, given: argparse.Namespace) -> None:
    """keep the log as it is written, and make a base backup every HETRI_BACKUP_EVERY_H hours"""
    Keeper(options).run()


def moment(text: str) -> datetime:
    """An ISO time; without a zone it is UTC. Raises ValueError."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="backup", description="Backups of Hetri: docs/operations.md.")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    for name, act in (("now", _now), ("list", _list), ("restore", _restore), ("serve", _serve)):
        command = commands.add_parser(name, help=act.__doc__, description=act.__doc__)
        command.set_defaults(act=act)
        if name == "restore":
            example = "for instance 2026-11-24T23:00:00Z; without it, as late as the log goes"
            command.add_argument("folder", nargs="?", type=Path, help="the backups, when not HETRI_BACKUP_DIR")
            command.add_argument("--to", type=moment, metavar="TIME", help=example)
    return root


def main(arguments: list[str]) -> int:
    """Run one command; a refusal is one line on stderr and exit code 1."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if os.environ.get("HETRI_LOG_FORMAT") == "json" else ConsoleFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    given = _parser().parse_args(arguments)
    try:
        given.act(read(_environment(given)), given)
    except (Refused, psycopg.Error, OSError) as refused:
        print(f"backup: {' '.join(str(refused).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _environment(given: argparse.Namespace) -> dict[str, str]:
    folder = getattr(given, "folder", None)
    return {**os.environ, **({"HETRI_BACKUP_DIR": str(folder)} if folder else {})}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
