"""Time: milliseconds since 1970 as integers, known only once somebody has said what time it is."""

import time

# Earlier than this program: a clock that says so was never set (2026-01-01).
FLOOR_MS = 1_767_225_600_000
# A difference up to this is the network's delay, not a wrong clock.
TOLERANCE_MS = 2_000


class Clock:
    """`system_ms` is a clock somebody else keeps right (NTP), or None; `cmd/time` sets it otherwise."""

    def __init__(self, system_ms=None):
        self._system_ms = system_ms
        self._offset = None
        self._ticks = time.ticks_ms()
        self._uptime = 0

    def uptime_ms(self):
        """Milliseconds since the start, through any number of wraps of the tick counter (12 days apart)."""
        ticks = time.ticks_ms()
        self._uptime += time.ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._uptime

    def now_ms(self):
        """Milliseconds since 1970, or None while the clock is not set."""
        return self.at_ms(self.uptime_ms())

    def at_ms(self, uptime):
        """The time at a moment of uptime, or None while the clock is not set."""
        system = self._system()
        if system is not None:
            return system - (self.uptime_ms() - uptime)
        return None if self._offset is None else self._offset + uptime

    def set(self, now):
        """Take the server's word, unless a clock that is set agrees. True if that changed anything."""
        if not isinstance(now, int) or now < FLOOR_MS or self._system() is not None:
            return False
        known = self.now_ms()
        if known is not None and abs(known - now) <= TOLERANCE_MS:
            return False
        self._offset = now - self.uptime_ms()
        return True

    def _system(self):
        now = self._system_ms() if self._system_ms else 0
        return now if now >= FLOOR_MS else None
