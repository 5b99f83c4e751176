"""What grows on disk while a soak runs: the folders of var, and the database's tables."""

import asyncio
import time

import psycopg

from ops.instance import Instance
from tools.soak.meter import Series, size_of, slope_an_hour

# A partition counts for its table.
TABLES = """
    SELECT coalesce(parent.relname, c.relname), sum(pg_total_relation_size(c.oid)) / 1e6
    FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = i.inhparent
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1
"""
TOLD_MB_H = 0.1


class Growth:
    """Looks now and then; `facts` says what grew by more than 0.1 MB an hour."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._begun = time.monotonic()
        self._folders: dict[str, Series] = {}
        self._tables: dict[str, Series] = {}

    async def run(self, every_s: float) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(every_s)

    def look(self) -> None:
        """Once."""
        at = time.monotonic() - self._begun
        for folder in self._instance.var.iterdir():
            held = sum(size_of(path) for path in folder.rglob("*")) if folder.is_dir() else size_of(folder)
            self._folders.setdefault(folder.name, []).append((at, held / 1e6))
        with psycopg.connect(self._instance.env["DATABASE_URL"]) as connection:
            for table, held_mb in connection.execute(TABLES).fetchall():
                self._tables.setdefault(table, []).append((at, float(held_mb)))

    def facts(self) -> dict[str, object]:
        """MB an hour over the second half, of folders and of tables."""
        return {"folders_mb_h": _grown(self._folders), "tables_mb_h": _grown(self._tables)}


def _grown(seen: dict[str, Series]) -> dict[str, float]:
    slopes = {name: round(slope_an_hour(series), 2) for name, series in seen.items()}
    return {name: slope for name, slope in sorted(slopes.items()) if abs(slope) > TOLD_MB_H}
