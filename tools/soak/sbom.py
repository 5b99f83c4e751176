"""What Hetri is made of, in CycloneDX: Python's packages, the Debian packages of the images, vendored JavaScript."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import quote

from ops.paths import ROOT
from tools.soak import tools
from tools.soak.compose import IMAGES, engine, image_name
from tools.testing import Json

TARGET = ROOT / "var" / "sbom.json"
VENDORED = re.compile(r"^\| \S+ \| (?P<name>\S+) \(npm\)[^|]*\| (?P<version>\S+) \| (?P<licence>[^|]+) \|$", re.M)
VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(str(wrong) if wrong else 0)
"""
Component = Json


def run() -> dict[str, object]:
    """Write var/sbom.json; how many components of each kind. Raises Refusal."""
    document = _python()
    found = {"python": len(document["components"])}
    for kind, components in (("debian", [*_debian()]), ("javascript", [*_javascript()])):
        document["components"] += components
        found[kind] = len(components)
    TARGET.write_text(json.dumps(document, indent=1))
    tools.ask([tools.python_tool("python"), "-c", VALIDATE, TARGET])
    return {"file": str(TARGET.relative_to(ROOT)), **found}


def _python() -> Json:
    """What requirements.txt brings, with all that it needs, in an environment that holds nothing else."""
    place = tools.FOLDER.with_name("production")
    tools.ask([sys.executable, "-m", "venv", "--clear", "--without-pip", place])
    pip = [tools.python_tool("pip"), "--python", place / "bin" / "python", "install", "-qq"]
    tools.ask([*pip, "--disable-pip-version-check", "-r", ROOT / "requirements.txt"])
    project = ["--pyproject", ROOT / "pyproject.toml", "--mc-type", "application", "--output-reproducible"]
    told = tools.ask([tools.python_tool("cyclonedx-py"), "environment", "--sv", "1.6", *project, place])
    document: Json = json.loads(told)
    return document


def _debian() -> Iterator[Component]:
    """The packages of each image that is built here (`./dev soak containers` builds them), each once."""
    query = ["dpkg-query", "-W", "-f", "${Package}\t${Version}\t${Architecture}\n"]
    seen: dict[str, list[str]] = {}
    program, _ = engine()
    for image, _, _ in IMAGES:
        command = [program, "run", "--rm", "--entrypoint", query[0], image_name(image), *query[1:]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines() if not done.returncode else ():
            seen.setdefault(line, []).append(image)
    for line, images in sorted(seen.items()):
        name, version, machine = line.split("\t")
        place = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={machine}&distro=debian-12"
        properties = [{"name": "hetri:image", "value": image} for image in images]
        yield {**_component(name, version, place), "properties": properties}


def _javascript() -> Iterator[Component]:
    """What lies in pages/static/vendor, as its README says."""
    for found in VENDORED.finditer((ROOT / "pages" / "static" / "vendor" / "README.md").read_text()):
        name, version = found["name"], found["version"]
        licence = [{"expression": found["licence"].replace(" or ", " OR ")}]
        yield {**_component(name, version, f"pkg:npm/{name.lower()}@{version}"), "licenses": licence}


def _component(name: str, version: str, place: str) -> Component:
    return {"type": "library", "bom-ref": place, "name": name, "version": version, "purl": place}
