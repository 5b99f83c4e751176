"""A refusal's sentence is said where it is raised: marked for translation, and English in the API."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from core.errors import ApiError, Unavailable
from tools.testing import Api

ROOMS = [path.parent for path in Path(settings.BASE_DIR).glob("*/apps.py")]
MARKED = {"_", "format_lazy", "flatten", "str"}  # the last two: what a library said


def refusals() -> set[str]:
    """Names of the classes, wherever they are defined."""
    found, waiting = set[str](), [ApiError]
    while waiting:
        kind = waiting.pop()
        found.add(kind.__name__)
        waiting += kind.__subclasses__()
    return found


def texts() -> Iterator[tuple[str, ast.expr]]:
    """Each text that a refusal is made with, and where."""
    names = refusals()
    for room in ROOMS:
        for path in room.rglob("*.py"):
            if "tests" in path.parts or "collar" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                    for argument in node.args:
                        yield f"{path.relative_to(settings.BASE_DIR)}:{argument.lineno}", argument


def test_each_sentence_is_marked_for_translation_where_it_is_raised() -> None:
    found = list(texts())
    assert len(found) > 40
    plain = [where for where, text in found if isinstance(text, ast.Constant | ast.JoinedStr)]
    unmarked = [
        where
        for where, text in found
        if isinstance(text, ast.Call) and isinstance(text.func, ast.Name) and text.func.id not in MARKED
    ]
    assert (plain, unmarked) == ([], [])


def test_a_class_has_a_sentence_of_its_own_that_says_no_more_than_is_true() -> None:
    waiting = [ApiError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if not issubclass(kind, Unavailable):
            assert "down" not in str(kind.detail)


@pytest.mark.parametrize(("path", "status"), [("/devices", 400), ("/devices/claim", 404)])
def test_the_api_speaks_english_whatever_is_asked_for(alice: Api, path: str, status: int) -> None:
    asked = {"name": ""} if status == 400 else {"claim_code": "AAAA-AAAA"}
    english, german = (alice.post(path, json=asked, headers={"Accept-Language": language}) for language in ("en", "de"))
    assert english.status_code == status
    assert english.json() == german.json()


def test_a_stranger_and_an_unknown_id_get_the_same_body(alice: Api, bob: Api) -> None:
    device = alice.new_device()["id"]
    unknown = bob.get(f"/devices/{device[:-1]}{'0' if device[-1] != '0' else '1'}")
    assert bob.get(f"/devices/{device}").content == unknown.content
