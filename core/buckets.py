"""Token buckets by key, in the memory of one process: a steady rate, and a burst above it."""

from collections.abc import Hashable

PRUNE_FROM = 1024  # keys; below it nobody looks for those that are idle


class Buckets:
    """Each key may spend `burst` at once and `rate` a second in the long run. Not for several threads at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._spent: dict[Hashable, tuple[float, float]] = {}  # what is spent and not yet refilled, and as of when
        self._prune_at = PRUNE_FROM

    def take(self, key: Hashable, cost: float, at: float) -> bool:
        """Spend `cost` at the moment `at` (monotonic seconds); False, and nothing spent, when it is not there."""
        spent, since = self._spent.get(key, (0.0, at))
        spent = max(0.0, spent - (at - since) * self._rate) + cost
        if spent > self._burst:
            return False
        self._spent[key] = (spent, at)
        if len(self._spent) >= self._prune_at:
            self._prune(at)
        return True

    def _prune(self, at: float) -> None:
        """Forget who is full again: as good as unknown."""
        rate = self._rate
        self._spent = {key: held for key, held in self._spent.items() if held[0] > (at - held[1]) * rate}
        self._prune_at = max(PRUNE_FROM, 2 * len(self._spent))
