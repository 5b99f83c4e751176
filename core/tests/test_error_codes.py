"""Every code that the program gives a refusal is in the table and in the documentation, and none besides."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from core.error_codes import CODES, ELSEWHERE

FROM_DRF = {"unsupported_media_type", "not_acceptable"}
ROOMS = ("accounts", "broker", "core", "devices", "firmware", "hetri", "pages", "pets", "provisioning", "staff")


def sources() -> Iterator[Path]:
    for room in (*ROOMS, "streaming", "telemetry", "treats"):
        yield from (path for path in (settings.BASE_DIR / room).rglob("*.py") if "tests" not in path.parts)


def codes_in(tree: ast.AST) -> Iterator[str]:
    """`code="..."` of a call, and `code = "..."` in a class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
            yield str(node.value.value)
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                names = [target.id for target in getattr(line, "targets", []) if isinstance(target, ast.Name)]
                if names == ["code"] and isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant):
                    yield str(line.value.value)


def test_the_table_holds_every_code_and_none_besides() -> None:
    used = {code for path in sources() for code in codes_in(ast.parse(path.read_text()))}
    assert used | FROM_DRF == set(CODES) | set(ELSEWHERE)


def test_the_documentation_lists_them() -> None:
    listed = dict(
        re.findall(r"^\| `(\w+)` \| (.+) \|$", (settings.BASE_DIR / "docs" / "errors.md").read_text(), re.MULTILINE)
    )
    assert listed == CODES
