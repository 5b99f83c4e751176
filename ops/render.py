"""Configuration templates: `@name@` is replaced, so that the `$` of nginx and mosquitto stays what it is."""

import re
from pathlib import Path


def render(template: Path, names: dict[str, str]) -> str:
    """The template's text with every @name@ replaced. Raises KeyError for an unknown one."""
    return re.sub(r"@(\w+)@", lambda match: names[match.group(1)], template.read_text())


def write_private(path: Path, text: str) -> Path:
    """Write what only its owner may read, from its first byte on. Returns where it is."""
    path.parent.mkdir(exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
    return path


def render_file(template: Path, target: Path, names: dict[str, str]) -> None:
    """Write the rendered `template` to `target`."""
    target.write_text(render(template, names))
