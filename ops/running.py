"""What a check needs to know of the running parts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Running(Protocol):
    """`env` is what the parts were given, `var` where they keep their files."""

    var: Path

    @property
    def run(self) -> Path:
        """The folder of sockets."""

    @property
    def env(self) -> Mapping[str, str]:
        """Names and values."""

    def pid(self, name: str) -> int | None:
        """The process of a part; None while it does not run."""

    def pids(self) -> Mapping[str, int | None]:
        """The processes of all parts that were started."""
