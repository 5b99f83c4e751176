"""Configuration templates: `@name@` is replaced, so that the `$` of nginx and mosquitto stays what it is."""

import re
from pathlib import Path


def render_file(template: Path, target: Path, names: dict[str, str]) -> None:
    """Write `template` to `target` with every @name@ replaced. Raises KeyError for an unknown one."""
    target.write_text(re.sub(r"@(\w+)@", lambda match: names[match.group(1)], template.read_text()))
