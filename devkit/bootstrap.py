"""Installs what is missing: Debian packages by apt, Python packages into .venv."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devkit.errors import Refusal

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
POLICY = Path("/usr/sbin/policy-rc.d")
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
NEEDED_BYTES = 1_000_000_000
# package -> a file that says it is there
PACKAGES = {
    "postgresql-15": "/usr/lib/postgresql/15/bin/postgres",
    "redis-server": "/usr/bin/redis-server",
    "mosquitto": "/usr/sbin/mosquitto",
    "nginx": "/usr/sbin/nginx",
    "openssl": "/usr/bin/openssl",
    "gettext": "/usr/bin/msgfmt",
    "python3-venv": "/usr/share/doc/python3-venv",
    "chromium": "/usr/bin/chromium",
    "fonts-inter": "/usr/share/doc/fonts-inter",
}


def python() -> str:
    """The interpreter of .venv."""
    return str(VENV / "bin" / "python")


def ensure() -> None:
    """Install what is missing; quick when nothing is. Raises Refusal."""
    if shutil.disk_usage(ROOT).free < NEEDED_BYTES:
        raise Refusal("Less than 1 GB of disk is free here. Make room, then try again.")
    missing = [name for name, proof in PACKAGES.items() if not Path(proof).exists()]
    if missing:
        _apt(missing)
    _venv()


def _root_prefix() -> list[str]:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        return ["sudo"]
    raise Refusal("Packages are missing, and without root or sudo they cannot be installed.")


def _apt(packages: list[str]) -> None:
    print(f"Installing {', '.join(packages)} ...", flush=True)
    prefix = _root_prefix()
    quiet = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y"]
    with _services_stay_off(prefix):
        for arguments in (["update"], ["install", "--no-install-recommends", *packages]):
            done = subprocess.run([*quiet, *arguments], stdout=subprocess.DEVNULL, check=False)
            if done.returncode:
                raise Refusal(f"apt-get {arguments[0]} failed; its words are above.")


@contextmanager
def _services_stay_off(prefix: list[str]) -> Iterator[None]:
    """The packages' own services and cluster are not started: we run our own, from var/."""
    made = not POLICY.exists()
    if made:
        script = f"printf '#!/bin/sh\\nexit 101\\n' > {POLICY} && chmod +x {POLICY}"
        subprocess.run([*prefix, "sh", "-c", script], check=True)
    script = f"mkdir -p {NO_CLUSTER.parent} && echo 'create_main_cluster = false' > {NO_CLUSTER}"
    if not NO_CLUSTER.exists():
        subprocess.run([*prefix, "sh", "-c", script], check=True)
    try:
        yield
    finally:
        if made:
            subprocess.run([*prefix, "rm", "-f", str(POLICY)], check=False)


def _venv() -> None:
    files = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt"]
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    stamp = VENV / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Installing Python packages into .venv ...", flush=True)
    if not Path(python()).exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    command = [python(), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r", str(files[1])]
    if subprocess.run(command, check=False).returncode:
        raise Refusal("pip install failed; its words are above.")
    stamp.write_text(wanted)
