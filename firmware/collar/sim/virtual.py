"""Virtual time: whenever the program waits and nothing arrives, the clock jumps to its next appointment.

`install()` before anything imports asyncio. A week passes in as long as its work takes.
"""

import sys
import time as real


class VirtualTime:
    """Stands in for the module `time`.

    `patience_ms` is how long an idle program listens to its sockets before the clock jumps, `ahead` by how many
    milliseconds it has left the real clock behind, `calendar_ms` what the date differs by beside that.
    """

    ticks_diff = staticmethod(real.ticks_diff)
    ticks_add = staticmethod(real.ticks_add)

    def __init__(self, patience_ms):
        self.ahead = 0
        self.calendar_ms = 0
        self.patience_ms = patience_ms

    def ticks_ms(self):
        return real.ticks_ms() + self.ahead

    def time_ns(self):
        return real.time_ns() + (self.ahead + self.calendar_ms) * 1_000_000

    def gmtime(self, seconds=None):
        return real.gmtime(self.time_ns() // 1_000_000_000 if seconds is None else seconds)


class Poller:
    """Stands in for asyncio's poll object."""

    def __init__(self, poller, clock):
        self.register, self.modify, self.unregister = poller.register, poller.modify, poller.unregister
        self._poll, self._clock = poller.poll, clock

    def ipoll(self, wait_ms):
        """What is ready. Idle waits are cut short, and the rest of them is added to the clock."""
        patience = self._clock.patience_ms
        began = real.ticks_ms()
        ready = self._poll(min(wait_ms, patience) if wait_ms > 0 else wait_ms)
        if not ready and wait_ms > 0:
            self._clock.ahead += max(wait_ms - real.ticks_diff(real.ticks_ms(), began), 0)
        return ready


def install(patience_ms):
    """Put virtual time in place of the real one; the clock."""
    clock = sys.modules["time"] = VirtualTime(patience_ms)
    wrap(clock)
    return clock


def wrap(clock):
    """Make the present event loop wait by that clock; once for each new loop."""
    from asyncio import core

    core._io_queue.poller = Poller(core._io_queue.poller, clock)
