"""How long to wait before connecting again: short at first, up to a minute, never all collars at once."""

import random

# Wide: when a broker dies, its collars must not all come back in the same second.
FIRST_MS = (250, 8_250)
SECOND_MS = 8_000
LONGEST_MS = 60_000


class Backoff:
    """Waits that double and are drawn at random."""

    def __init__(self):
        self._tries = 0

    def reset(self):
        """The connection was good."""
        self._tries = 0

    def next_ms(self):
        """The next wait in milliseconds."""
        self._tries += 1
        if self._tries == 1:
            return random.randint(*FIRST_MS)
        ceiling = min(SECOND_MS << min(self._tries - 2, 8), LONGEST_MS)
        return random.randint(ceiling // 8, ceiling)
