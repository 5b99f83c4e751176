"""Where things lie: the checkout, and the Python environment that ./dev makes in it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


def python() -> str:
    """The interpreter of .venv."""
    return str(VENV / "bin" / "python")
