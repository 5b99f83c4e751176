"""CPU and memory of an installation's programs while something runs, and whether they grow."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.instance import Instance
from ops.processes import cpu_s

Series = list[tuple[float, float]]  # (seconds since the begin, MB)


@dataclass
class Use:
    """What one program took, all its processes together."""

    cpu: dict[int, tuple[float, float]] = field(default_factory=dict)  # pid: CPU seconds, first and last seen
    pss: Series = field(default_factory=list)
    own: Series = field(default_factory=list)


class Meter:
    """Looks every few seconds at all parts of an instance, and at processes `beside` them, by name."""

    def __init__(self, instance: Instance, beside: Mapping[str, Sequence[int]]) -> None:
        self._instance, self._beside = instance, beside
        self.uses: dict[str, Use] = {}
        self.begun = time.monotonic()
        self._span = 0.0

    async def run(self, every_s: float) -> None:
        """Until it is cancelled."""
        while True:
            self.look()
            await asyncio.sleep(every_s)

    def look(self) -> None:
        """Once."""
        self._span = time.monotonic() - self.begun
        for name, pids in self._programs().items():
            self._take(self.uses.setdefault(name, Use()), pids)

    def cores(self) -> dict[str, float]:
        """The share of a core that each program took."""
        return {
            name: round(sum(last - first for first, last in use.cpu.values()) / self._span, 3)
            for name, use in self.uses.items()
        }

    def most_mb(self) -> dict[str, float]:
        """The most memory (PSS: what is shared is divided) that each program held."""
        return {name: round(max(mb for _, mb in use.pss)) for name, use in self.uses.items()}

    def growth_mb_h(self) -> dict[str, float]:
        """By how much each program's own memory grows an hour; see `slope_an_hour`.

        Own is what it asked for itself (Pss_Anon). Mapped files are not in it, nor PostgreSQL's shared buffers,
        which fill up to their size once. Of each minute the least counts: what is given back soon (an autovacuum's
        work) is no growth.
        """
        return {name: round(slope_an_hour(_least_of_minutes(use.own)), 2) for name, use in self.uses.items()}

    def _take(self, use: Use, pids: Sequence[int]) -> None:
        pss = own = 0.0
        for pid in pids:
            try:
                used, (all_mb, own_mb) = cpu_s(pid), _memory_mb(pid)
            except (OSError, ValueError):
                continue  # it has ended
            use.cpu[pid] = (use.cpu.get(pid, (used, used))[0], used)
            pss, own = pss + all_mb, own + own_mb
        at = time.monotonic() - self.begun
        use.pss.append((at, pss))
        use.own.append((at, own))

    def _programs(self) -> dict[str, list[int]]:
        found = {name: family(pid) for name, pid in self._instance.pids().items() if pid}
        if "rtmp" in found:
            found["ffmpeg"] = [pid for pid in found["rtmp"] if _is_ffmpeg(pid)]
            found["rtmp"] = [pid for pid in found["rtmp"] if pid not in found["ffmpeg"]]
        return {**found, **{name: list(pids) for name, pids in self._beside.items()}}


def slope_an_hour(series: Series) -> float:
    """MB an hour by least squares over the second half of what was seen; 0 with less than two looks."""
    half = series[len(series) // 2 :]
    if len(half) < 2:
        return 0.0
    middle_s, middle_mb = (sum(column) / len(half) for column in zip(*half, strict=True))
    spread = sum((at - middle_s) ** 2 for at, _ in half)
    return 3_600 * sum((at - middle_s) * (mb - middle_mb) for at, mb in half) / spread if spread else 0.0


def _least_of_minutes(series: Series) -> Series:
    minutes: dict[int, list[float]] = {}
    for at, mb in series:
        minutes.setdefault(int(at // 60), []).append(mb)
    return [(minute * 60.0, min(held)) for minute, held in minutes.items()]


def family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def size_of(path: Path) -> int:
    """Bytes; 0 when it is gone."""
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _is_ffmpeg(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:1] == ["ffmpeg"]
    except OSError:
        return False


def _memory_mb(pid: int) -> tuple[float, float]:
    """(PSS, the anonymous part of it)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kb = {name: int(value.split()[0]) for name, value in (line.split(":") for line in lines)}
    return kb["Pss"] / 1024, kb["Pss_Anon"] / 1024
