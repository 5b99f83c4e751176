"""PostgreSQL as a part: its cluster, its user, its command line.

It refuses to run as root, so under root it becomes the user `postgres` that Debian's package makes.
"""

import os
import shutil
import subprocess
from pathlib import Path

from ops.errors import Refusal
from ops.paths import ROOT
from ops.render import render_file

BIN = Path("/usr/lib/postgresql/15/bin")
USER = "postgres"
# The program's role owns its database and may make others (tests do); it is no superuser.
FIRST_SQL = "CREATE ROLE hetri LOGIN CREATEDB;\nCREATE DATABASE hetri OWNER hetri;\n"
CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}  # capability.h
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def as_user(var: Path) -> list[str]:
    """A prefix that makes root the user postgres, with the right to pass folders that only root may enter."""
    if os.geteuid() != 0:
        return []
    # setpriv clears the parent-death signal with the change of user, so it must set it again.
    prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--pdeathsig=INT"]
    if all(folder.stat().st_mode & 0o001 for folder in (var, *var.parents)):
        return prefix
    capability = _allowed_capability(var)
    return [*prefix, f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]


def _allowed_capability(var: Path) -> str:
    """The first of CAPABILITIES that we hold; containers often withhold one. Raises Refusal."""
    status = Path("/proc/self/status").read_text()
    held = int(status.partition("CapPrm:")[2].split()[0], 16)
    for name, bit in CAPABILITIES.items():
        if held >> bit & 1:
            return name
    raise Refusal(f"PostgreSQL's user cannot enter {var}. Put the checkout where every user may enter.")


def prepare(var: Path, run: Path) -> None:
    """Make the cluster with the role and database `hetri` where it is missing, and its configuration."""
    sockets = run / "pg"
    _own_folder(sockets)
    if os.geteuid() == 0:  # our sockets are nobody else's, but its user must pass
        shutil.chown(run, group=USER)
        run.chmod(0o710)
    names = {"sockets": str(sockets)}
    render_file(ROOT / "deploy" / "postgres" / "postgresql.conf", var / "postgresql.conf", names)
    (var / "postgresql.conf").chmod(0o644)
    data, fresh = var / "postgres", var / "postgres.new"
    if (data / "PG_VERSION").exists():
        return
    # Made aside and renamed: one that was interrupted half way is made anew.
    shutil.rmtree(fresh, ignore_errors=True)
    _own_folder(fresh)
    options = ["--data-checksums", "-E", "UTF8", "--locale=C.UTF-8", "-U", USER, "--no-sync"]
    authentication = ["--auth-local=trust", "--auth-host=reject"]
    _do(var, [str(BIN / "initdb"), "-D", str(fresh), *options, *authentication])
    _do(var, [str(BIN / "postgres"), "--single", "-D", str(fresh), USER], FIRST_SQL)
    os.sync()
    fresh.rename(data)


def _own_folder(folder: Path) -> None:
    folder.mkdir(exist_ok=True, mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(folder, USER, USER)
    folder.chmod(0o700)


def _do(var: Path, command: list[str], words: str = "") -> None:
    subprocess.run([*as_user(var), *command], input=words, check=True, capture_output=True, text=True, cwd="/")


def command(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    """The server's command line."""
    options = [f"config_file={var / 'postgresql.conf'}", *(QUICK if env.get("HETRI_QUICK_DISK") else ())]
    flags = [flag for option in options for flag in ("-c", option)]
    return [*as_user(var), str(BIN / "postgres"), "-D", str(var / "postgres"), *flags]
