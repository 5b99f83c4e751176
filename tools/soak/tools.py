"""What soaks need beside Hetri: Debian's packages, and Python's in an environment of their own."""

import hashlib
import subprocess
import sys
from collections.abc import Iterable

from ops.errors import Refusal
from ops.paths import ROOT
from tools.dev import bootstrap

FOLDER = ROOT / "var" / "tools"
WANTED = ROOT / "requirements-soak.txt"


def debian(*packages: str) -> None:
    """Install those that are missing. Raises Refusal."""
    bootstrap.require(packages)


def python_tool(name: str) -> str:
    """The path of a program of requirements-soak.txt. Raises Refusal when that cannot be installed."""
    digest, stamp = hashlib.sha256(WANTED.read_bytes()).hexdigest(), FOLDER / "installed"
    if not stamp.exists() or stamp.read_text() != digest:
        _run([sys.executable, "-m", "venv", "--clear", str(FOLDER)])
        pip = [str(FOLDER / "bin" / "pip"), "install", "-qq", "--disable-pip-version-check", "-r", str(WANTED)]
        _run(pip)
        stamp.write_text(digest)
    return str(FOLDER / "bin" / name)


def ask(command: Iterable[object], **options: str) -> str:
    """What a command says. Raises Refusal with its words when it fails."""
    return _run([str(word) for word in command], **options)


def _run(command: list[str], **env: str) -> str:
    done = subprocess.run(command, cwd=ROOT, env=env or None, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refusal(f"{' '.join(command[:3])} failed: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout
