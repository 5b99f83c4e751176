"""The wall clock of a board that has none: uptime, and what was learnt of the time. Integers of milliseconds."""

import time

FLOOR_MS = 1_767_225_600_000  # 2026-01-01: an earlier time is no time


class Clock:
    """`now()` is ms since 1970 UTC, or None until the time is known."""

    def __init__(self):
        self._last = time.ticks_ms()
        self._up = 0
        self._offset = None

    def uptime(self):
        """Milliseconds since the start; survives the wrap of ticks_ms when asked at least every few days."""
        ticks = time.ticks_ms()
        self._up += time.ticks_diff(ticks, self._last)
        self._last = ticks
        return self._up

    def set(self, now_ms):
        """Learn the time (NTP, cmd/time). What is before the floor is ignored."""
        if isinstance(now_ms, int) and now_ms > FLOOR_MS:
            self._offset = now_ms - self.uptime()

    def at(self, uptime_ms):
        """The wall time of a moment of uptime; None until the time is known."""
        return None if self._offset is None else uptime_ms + self._offset

    def now(self):
        """The wall time now."""
        return self.at(self.uptime())
