"""What is kept, what is removed, what is refused."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.backup.__main__ import moment
from ops.backup.making import prune
from ops.backup.options import Refused, read
from ops.backup.place import bases, fingerprint, only_one, require_space, streams
from ops.backup.restoring import restore

NO_SERVER = {"HETRI_BACKUP_URL": "postgres://nobody@/none?host=/nowhere", "HETRI_MQTT_PORT": "1"}


def _base(folder: Path, stream: str, name: str, segment: int) -> None:
    """A base backup as far as its folder tells: its log begins with that segment."""
    path = folder / stream / f"base-{name}"
    (path / "data").mkdir(parents=True)
    facts = {"ended": "2026-11-24T12:00:00+00:00", "secrets": fingerprint(("", ""))}
    (path / "facts.json").write_text(json.dumps(facts))
    (path / "data" / "backup_label").write_text(f"START WAL LOCATION: 0/2000028 (file {_segment(segment)})\n")


def _segment(number: int) -> str:
    return f"{1:08X}{0:08X}{number:08X}"


def _log(folder: Path, stream: str, *names: str) -> Path:
    wal = folder / stream / "wal"
    wal.mkdir(parents=True, exist_ok=True)
    for name in names:
        (wal / name).touch()
    return wal


def test_the_oldest_go_with_the_log_that_only_they_needed(tmp_path: Path) -> None:
    _base(tmp_path, "20261101T000000Z", "20261101T000001Z", 1)
    _log(tmp_path, "20261101T000000Z", _segment(1))
    _base(tmp_path, "20261102T000000Z", "20261102T000001Z", 1)
    _base(tmp_path, "20261102T000000Z", "20261103T000001Z", 3)
    _base(tmp_path, "20261102T000000Z", "20261104T000001Z", 4)
    wal = _log(tmp_path, "20261102T000000Z", *map(_segment, (1, 2, 3, 4)), f"{_segment(5)}.partial")
    prune(read({**NO_SERVER, "HETRI_VAR": str(tmp_path), "HETRI_BACKUP_DIR": str(tmp_path), "HETRI_BACKUP_KEEP": "2"}))
    assert [base.path.name for base in bases(tmp_path)] == ["base-20261103T000001Z", "base-20261104T000001Z"]
    assert [stream.path.name for stream in streams(tmp_path)] == ["20261102T000000Z"]
    assert sorted(path.name for path in wal.iterdir()) == [_segment(3), _segment(4), f"{_segment(5)}.partial"]


def test_a_moment_before_every_base_is_refused(tmp_path: Path) -> None:
    _base(tmp_path, "20261124T000000Z", "20261124T120000Z", 1)
    options = read({**NO_SERVER, "HETRI_VAR": str(tmp_path), "HETRI_BACKUP_DIR": str(tmp_path)})
    with pytest.raises(Refused, match="no base backup from before 2026-11-24T11:59:59"):
        restore(options, to=moment("2026-11-24T11:59:59"))


def test_a_full_disk_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="MB are needed"):
        require_space(tmp_path, 10**15)


def test_a_hole_in_the_log_is_refused(tmp_path: Path) -> None:
    _base(tmp_path, "20261124T000000Z", "20261124T120000Z", 255)
    _log(tmp_path, "20261124T000000Z", _segment(255), f"{1:08X}{1:08X}{0:08X}", f"{1:08X}{1:08X}{2:08X}")
    with pytest.raises(Refused, match="has a hole"):
        restore(read({**NO_SERVER, "HETRI_VAR": str(tmp_path), "HETRI_BACKUP_DIR": str(tmp_path)}))


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with only_one(tmp_path, "base"), pytest.raises(Refused, match="is held"), only_one(tmp_path, "base"):
        pass


def test_a_time_without_a_zone_is_utc() -> None:
    assert (
        moment("2026-11-24T12:00:00") == moment("2026-11-24T13:00:00+01:00") == datetime(2026, 11, 24, 12, tzinfo=UTC)
    )


def test_a_server_that_is_away_is_one_line_and_exit_1(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ops.backup", "now"]
    env = {**NO_SERVER, "HETRI_VAR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("backup: ")
