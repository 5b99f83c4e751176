"""How fast a publisher may go, and the times of its pictures as we tell them."""

import time
from collections.abc import Callable

SMALLEST_STEP, LARGEST_STEP, USUAL_STEP = 0, 10_000, 40  # ms
HALF = 1 << 31


class Bucket:
    """A token bucket: `rate` a second, a second's worth at once."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._left, self._clock, self._at = rate, rate, clock, clock()

    def take(self, count: float) -> bool:
        """Whether so much may pass now; nothing is taken when not."""
        self._refill()
        if self._left < min(count, self._rate):
            return False
        self._left -= count
        return True

    def owe(self, count: float) -> float:
        """Take it in any case; the seconds to wait until it is paid for."""
        self._refill()
        self._left -= count
        return max(0.0, -self._left / self._rate)

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now


class Times:
    """A publisher's time stamps from 0 on, never back, without its leaps (after which 40 ms have passed)."""

    def __init__(self) -> None:
        self._theirs: int | None = None
        self._ours = 0

    def follow(self, at: int) -> int:
        """Ours for a picture of theirs; both in ms."""
        if self._theirs is not None:
            step = (at - self._theirs + HALF) % (1 << 32) - HALF
            self._ours += step if SMALLEST_STEP <= step <= LARGEST_STEP else USUAL_STEP
        self._theirs = at
        return self._ours % (1 << 32)
