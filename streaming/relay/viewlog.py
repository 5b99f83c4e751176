"""Reads nginx's log of viewings: `<seconds since 1970> <viewing>` for each request with a good token.

No position is kept over a restart: each line carries its own time, and hearing it twice changes nothing.
"""

import os
import re
from datetime import datetime
from pathlib import Path
from uuid import UUID

from core.times import from_ms

LINE = re.compile(rb"(\d{10})\.(\d{3}) ([0-9a-f]{32})")
LARGEST = 1 << 20  # bytes; read lines are dropped above it
AT_ONCE = 4 << 20


class ViewLog:
    """Follows the file; nginx appends, and only we cut it."""

    def __init__(self, path: Path) -> None:
        self._path, self._position = path, 0

    def new(self) -> dict[UUID, datetime]:
        """When each viewing was last seen, of the whole lines since the last call."""
        try:
            with self._path.open("rb") as log:
                if os.fstat(log.fileno()).st_size < self._position:
                    self._position = 0
                log.seek(self._position)
                text = log.read(AT_ONCE)
        except FileNotFoundError:
            return {}
        whole = text[: text.rfind(b"\n") + 1]
        self._position += len(whole)
        self._cut()
        return _newest(whole)

    def _cut(self) -> None:
        """Start over once much was read. A line written in this instant is lost: its viewing asks each second."""
        if self._position > LARGEST:
            os.truncate(self._path, 0)
            self._position = 0


def _newest(text: bytes) -> dict[UUID, datetime]:
    times: dict[UUID, datetime] = {}
    for line in text.splitlines():
        found = LINE.fullmatch(line)
        if found:
            at = from_ms(int(found[1]) * 1000 + int(found[2]))
            viewing = UUID(found[3].decode())
            times[viewing] = max(at, times.get(viewing, at))
    return times
