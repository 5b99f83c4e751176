"""Installs what is missing: Debian packages by apt, Python packages into .venv.

What it says goes to stderr: stdout belongs to the command that runs afterwards.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.errors import Refusal
from ops.paths import ROOT, VENV, python

PACKAGES = (
    "postgresql-15",
    "redis-server",
    "mosquitto",
    "libfaketime",
    "gcc",
    "libc6-dev",
    "mosquitto-clients",
    "mosquitto-dev",
    "libmosquitto-dev",
    "uthash-dev",
    "nginx",
    "libnginx-mod-stream",
    "libnginx-mod-rtmp",
    "libnginx-mod-http-js",
    "ffmpeg",
    "openssl",
    "gettext",
    "chromium",
    "fonts-inter",
    "fonts-noto-color-emoji",
    "prometheus",
)
NEEDED_BYTES = 1_000_000_000
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = (
    "#!/bin/sh\n# Hetri's ./dev: installing a server does not start it. Gone after the installation.\nexit 101\n"
)
CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
APT_OPTIONS = ("-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Options::=--force-confold")


def ensure() -> None:
    """Install what is missing; quick when nothing is. One at a time. Raises Refusal."""
    for place in {ROOT, Path("/")}:
        require_space(place)
    (ROOT / "var").mkdir(exist_ok=True)
    with open(ROOT / "var" / "install.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if missing := missing_packages():
            _apt(missing)
        _venv()


def require(packages: Iterable[str]) -> None:
    """Install those of `packages` that are missing: for what only some commands need. Raises Refusal."""
    with open(ROOT / "var" / "install.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if missing := missing_packages(packages):
            _apt(missing)


def require_space(place: Path, needed: int = NEEDED_BYTES) -> None:
    """Raise Refusal when the disk that holds `place` is nearly full."""
    free = shutil.disk_usage(place).free
    if free < needed:
        raise Refusal(f"Only {free // 1_000_000} MB of disk are free at {place}, 1 GB is needed. Make room first.")


def missing_packages(wanted: Iterable[str] = PACKAGES) -> list[str]:
    """Those of `wanted` that dpkg does not know as installed, and python3-venv where this Python needs it."""
    names = list(wanted)
    command = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        raise Refusal(f"This is no Debian. Install these by hand: {', '.join(names)}.") from None
    there = {line.split()[0] for line in told.splitlines() if line.endswith(" installed")}
    found = [name for name in names if name not in there]
    return found if importlib.util.find_spec("ensurepip") else [*found, "python3-venv"]


def _root_prefix(packages: list[str]) -> list[str]:
    """What to put before a command so that root runs it. Raises Refusal when nothing helps."""
    if os.geteuid() == 0:
        return []
    names = " ".join(packages)
    if not shutil.which("sudo"):
        raise Refusal(f"These packages are missing, and without root or sudo they cannot be installed: {names}")
    # Without a terminal nobody can type a password: sudo must not wait for one.
    sudo = ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]
    if subprocess.run([*sudo, "true"], check=False).returncode:
        raise Refusal(f"sudo refused. Install these as root, then try again: {names}")
    return sudo


def _apt(packages: list[str]) -> None:
    prefix = _root_prefix(packages)
    print(f"Installing {', '.join(packages)} ...", file=sys.stderr, flush=True)
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", *APT_OPTIONS]
    with services_stay_off(prefix):
        for arguments in (["update"], ["install", "--no-install-recommends", *packages]):
            if _run_to_the_end([*apt, *arguments]):
                raise Refusal(f"apt-get {arguments[0]} failed; its words are above.")


def _run_to_the_end(command: list[str]) -> int:
    """Run it; an interrupted one may finish its step, since a killed dpkg leaves the machine half configured."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise


@contextmanager
def services_stay_off(prefix: list[str], policy: Path = POLICY, cluster: Path = CLUSTER) -> Iterator[None]:
    """The packages' own services and cluster are not started: ours run from var/. A policy of others stays."""

    def as_root(script: str, *arguments: str) -> None:
        subprocess.run([*prefix, "sh", "-c", script, *arguments], check=True)

    ours = not policy.exists() or policy.read_text() == POLICY_TEXT
    keep = 'mkdir -p "${0%/*}"; grep -qs "^create_main_cluster" "$0" || echo "create_main_cluster = false" >> "$0"'
    as_root(keep, str(cluster))
    try:
        if ours:
            as_root('printf %s "$1" > "$0" && chmod 755 "$0"', str(policy), POLICY_TEXT)
        yield
    finally:
        if ours:
            as_root('rm -f "$0"', str(policy))


def _venv() -> None:
    files = sorted(ROOT.glob("requirements*.txt"))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    stamp = VENV / "installed"
    # A virtual environment does not survive being moved: its place counts, too.
    place, _, installed = (stamp.read_text() if stamp.exists() else "").partition("\n")
    whole = place == str(VENV) and Path(python()).exists()
    if whole and installed == digest:
        return
    print("Installing Python packages into .venv ...", file=sys.stderr, flush=True)
    if not whole:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    wanted = str(ROOT / "requirements-dev.txt")
    command = [python(), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r", wanted]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        raise Refusal("pip install failed; its words are above.")
    stamp.write_text(f"{VENV}\n{digest}")
