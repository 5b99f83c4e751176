"""Makes the database's files again from a base backup and the log that follows it."""

import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from socket import create_connection

from ops import postgres
from ops.backup.options import Options, Refused
from ops.backup.place import Base, bases, fingerprint, require_space, size_of
from ops.backup.server import Server
from ops.postgres import BIN
from ops.processes import ends_with_us

log = logging.getLogger("backup")
LOOK_EVERY_S = 0.1
PARTIAL = ".partial"


def restore(options: Options, *, to: datetime | None = None) -> Base:
    """Make the cluster and the broker's store as they were at `to`, or as late as the log goes.

    What was there is kept beside it. The services must be down. Raises Refused.
    """
    _require_down(options)
    base = _choose(options, to)
    if base.facts["secrets"] != fingerprint(options.secrets):
        log.warning("backup_other_secrets", extra={"consequence": "tokens and claim codes of that time are not valid"})
    log_files = _segments(base)
    fresh = options.cluster.with_name(options.cluster.name + ".restored")
    shutil.rmtree(fresh, ignore_errors=True)
    require_space(options.cluster.parent, int(size_of(base.path) * 1.1) + _bytes_of(log_files))
    shutil.copytree(base.data, fresh, symlinks=True)
    _bring_log(log_files, fresh / "pg_wal")
    (fresh / "recovery.signal").touch()
    _give_away(fresh)
    _recover(fresh, _replay(to, quick=options.quick))
    _swap(fresh, options.cluster)
    _bring_store(base, options.var / "mosquitto")
    return base


def _require_down(options: Options) -> None:
    if Server(options.url).answers():
        raise Refused("The database runs. Stop everything first.")
    try:
        create_connection(options.broker, 2).close()
    except OSError:
        return
    raise Refused("The broker runs. Stop everything first.")


def _choose(options: Options, to: datetime | None) -> Base:
    """The newest base backup that was ended by then."""
    found = [base for base in bases(options.folder) if to is None or base.ended <= to]
    if not found:
        raise Refused(f"{options.folder} has no base backup{f' from before {to.isoformat()}' if to else ''}.")
    return found[-1]


def _segments(base: Base) -> list[Path]:
    """The log that follows the base, oldest first; an unfinished segment ends in .partial. Raises Refused at a hole."""
    first = base.first_segment
    found = sorted(path for path in base.wal.glob("*") if path.name[:24] >= first)
    numbers = [_number(path.name) for path in found]
    if numbers != list(range(_number(first), _number(first) + len(numbers))):
        raise Refused(f"{base.wal} has a hole: a copy that is not whole? There are {len(found)} segments from {first}.")
    return found


def _number(segment: str) -> int:
    """Its place in the row: the name is timeline, high half and low half, and the low half ends at FF (16 MB each)."""
    return int(segment[8:16], 16) * 256 + int(segment[16:24], 16)


def _bytes_of(paths: list[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def _bring_log(segments: list[Path], target: Path) -> None:
    """Put the log where the server looks for it. Of two unfinished copies of a segment the longer one counts."""
    for segment in segments:
        there = target / segment.name.removesuffix(PARTIAL)
        if not (segment.suffix == PARTIAL and there.exists() and _written(there) >= _written(segment)):
            shutil.copy2(segment, there)


def _written(segment: Path) -> int:
    """Bytes up to the zeros with which a segment is filled."""
    return len(segment.read_bytes().rstrip(b"\0"))


def _give_away(folder: Path) -> None:
    """Under root the server's user owns its files."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, postgres.USER, postgres.USER)
    folder.chmod(0o700)


def _recover(cluster: Path, settings: list[str]) -> None:
    """Run a server that nobody else can reach until it has replayed the log. Raises Refused with its last words."""
    with tempfile.TemporaryDirectory(prefix="hetri-restore-") as name, tempfile.TemporaryFile("w+") as words:
        _give_away(Path(name))
        flags = [word for setting in (*settings, f"unix_socket_directories={name}") for word in ("-c", setting)]
        command = [*postgres.as_user(cluster.parent), str(BIN / "postgres"), "-D", str(cluster), *flags]
        server = subprocess.Popen(command, stdout=words, stderr=words, cwd="/", preexec_fn=ends_with_us(signal.SIGINT))  # noqa: PLW1509
        ready = [str(BIN / "pg_isready"), "--quiet", "--host", name]
        while server.poll() is None and subprocess.run(ready, check=False).returncode:
            time.sleep(LOOK_EVERY_S)
        server.send_signal(signal.SIGINT)
        if server.wait():
            words.seek(0)
            raise Refused(f"The log could not be replayed: {' '.join(words.read().splitlines()[-4:])}")


def _replay(to: datetime | None, *, quick: bool) -> list[str]:
    """The server's settings. Without hot_standby it answers only once all is replayed; the log is in pg_wal."""
    settings = ["listen_addresses=", "hot_standby=off", "restore_command=false", "max_wal_size=4GB"]
    settings += ["checkpoint_timeout=1h", *(postgres.QUICK if quick else ())]
    if to is not None:
        settings += [f"recovery_target_time={to.isoformat()}", "recovery_target_action=promote"]
    return settings


def _swap(fresh: Path, cluster: Path) -> None:
    if cluster.exists():
        kept = cluster.with_name(f"{cluster.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
        cluster.rename(kept)
        log.warning("backup_kept_old_cluster", extra={"path": str(kept)})
    fresh.rename(cluster)


def _bring_store(base: Base, target: Path) -> None:
    """The broker's store, for the user who owns its folder."""
    store = base.path / "broker" / "mosquitto.db"
    if store.exists():
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copy2(store, target)
        owner = target.stat()
        os.chown(target / store.name, owner.st_uid, owner.st_gid)
