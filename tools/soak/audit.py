"""Asks PyPI's and npm's advisories about every version that Hetri is made of. Needs the network.

Python: requirements.txt with all that it brings. JavaScript: what lies in pages/static/vendor, as its README says; a
package.json of those versions is made in var/audit for npm. Debian's packages are another matter: unattended-upgrades
on the server, images built anew.
"""

import json
import shutil
import subprocess
from collections.abc import Mapping

from ops.errors import Refusal
from ops.paths import ROOT
from tools.soak import tools
from tools.soak.sbom import VENDORED

FOLDER = ROOT / "var" / "audit"
README = ROOT / "pages" / "static" / "vendor" / "README.md"


def run() -> Mapping[str, object]:
    """How many versions were looked up, none with an advisory. Raises Refusal with the findings."""
    return {"python": _python(), "javascript": _javascript()}


def _python() -> int:
    # --strict: a package that could not be looked up is a fault, not a line that nobody reads.
    command = [
        tools.python_tool("pip-audit"),
        "--strict",
        "-r",
        "requirements.txt",
        "-f",
        "json",
        "--progress-spinner=off",
    ]
    found = json.loads(_ask(command))["dependencies"]
    if hit := [one for one in found if one.get("vulns")]:
        raise Refusal(f"Advisories: {json.dumps(hit, indent=1)}")
    return len(found)


def _javascript() -> int:
    if not shutil.which("npm"):
        raise Refusal("npm is missing: have it installed, or ask https://osv.dev about pages/static/vendor/README.md.")
    wanted = vendored()
    FOLDER.mkdir(parents=True, exist_ok=True)
    package = {"name": "hetri-vendored", "version": "0.0.0", "private": True, "dependencies": wanted}
    (FOLDER / "package.json").write_text(json.dumps(package, indent=1))
    (FOLDER / "package-lock.json").unlink(missing_ok=True)
    _ask(["npm", "--prefix", str(FOLDER), "install", "--package-lock-only", "--ignore-scripts", "--no-audit"])
    _ask(["npm", "--prefix", str(FOLDER), "audit"])
    return len(wanted)


def vendored() -> dict[str, str]:
    """Name and version of each package whose files lie in pages/static/vendor."""
    return {found["name"].lower(): found["version"] for found in VENDORED.finditer(README.read_text())}


def _ask(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refusal(f"{command[0].rsplit('/', 1)[-1]} says: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout
