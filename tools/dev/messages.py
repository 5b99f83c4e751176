"""Whether each message has its German, and the compiled file is of this text. `--write` brings both up to date."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from ops.paths import ROOT, python

FOLDER = ROOT / "locale" / "de" / "LC_MESSAGES"
TEXT, COMPILED = FOLDER / "django.po", FOLDER / "django.mo"
COLLECT = ("makemessages", "-l", "de", "--no-obsolete", "--no-location", "--no-wrap", "-v0")
NOT_OURS = (".venv", "var", "tests", "*/tests/*")
CHANGING = re.compile(r'^"(POT-Creation-Date|PO-Revision-Date)[^\n]*\n', re.MULTILINE)


def main(write: bool) -> int:
    """Print what is missing; 0 when nothing is."""
    before = TEXT.read_text()
    collected = CHANGING.sub("", _collect())
    TEXT.write_text(collected if write else before)
    if write:
        _compile(COMPILED)
    faults = [f"no German, or an unsure one: {name}" for name in _untranslated(collected)]
    if collected.count("\nmsgid ") != before.count("\nmsgid ") and not write:
        faults.append("the messages in the code are others than those in locale/: python -m tools.dev.messages --write")
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "django.mo"
        _compile(fresh)
        if fresh.read_bytes() != COMPILED.read_bytes():
            faults.append("the compiled file is old: python -m tools.dev.messages --write")
    print("\n".join(faults))
    return int(bool(faults))


def _collect() -> str:
    """The messages of the code with the German that is known. The file on disk is changed meanwhile."""
    before = TEXT.read_bytes()
    ignored = [option for pattern in NOT_OURS for option in ("-i", pattern)]
    try:
        subprocess.run([python(), "manage.py", *COLLECT, *ignored], cwd=ROOT, check=True, env=os.environ)
        return TEXT.read_text()
    finally:
        TEXT.write_bytes(before)


def _untranslated(text: str) -> list[str]:
    """Names of the messages without a translation, or with one that was guessed from a similar message."""
    blocks = text.split("\n\n")[1:]
    empty = re.compile(r'^msgstr(\[\d\])? ""$(?!\n")', re.MULTILINE)
    return [_name(block) for block in blocks if empty.search(block) or "#, fuzzy" in block]


def _name(block: str) -> str:
    found = re.search(r'^msgid ((?:".*"\n?)+)', block, re.MULTILINE)
    return found[1].replace("\n", " ")[:120] if found else block[:120]


def _compile(target: Path) -> None:
    subprocess.run(["msgfmt", "--check-format", "-o", str(target), str(TEXT)], check=True)


if __name__ == "__main__":
    sys.exit(main(write="--write" in sys.argv))
