"""What several tests use."""


class Log:
    """Collects events in place of the console."""

    def __init__(self):
        self.events = []

    def __call__(self, event, **values):
        self.events.append((event, values))

    def names(self):
        """The events' names in order."""
        return [event for event, _ in self.events]


class ManualClock:
    """A clock that a test moves; `now` None is a clock that was never set."""

    def __init__(self, now=1_795_425_600_000):
        self.now = now
        self.uptime = 0

    def now_ms(self):
        return self.at_ms(self.uptime)

    def uptime_ms(self):
        return self.uptime

    def at_ms(self, uptime):
        return None if self.now is None else self.now + uptime


def raises(kind, function, *args):
    """True if the call raises that kind of exception."""
    try:
        function(*args)
    except kind:
        return True
    return False
