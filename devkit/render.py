"""Configuration templates: `@name@` is replaced, so that the `$` of nginx and mosquitto stays what it is."""

import re
from pathlib import Path


def render(template: Path, names: dict[str, str]) -> str:
    """The template's text with every @name@ replaced. Raises KeyError for an unknown one."""
    return re.sub(r"@(\w+)@", lambda match: names[match.group(1)], template.read_text())


def render_file(template: Path, target: Path, names: dict[str, str]) -> None:
    """Write the rendered `template` to `target`."""
    target.write_text(render(template, names))
