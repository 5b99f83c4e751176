"""What several tests use."""

# A certificate that nobody has the key of: what a collar needs to start, and cannot reach anyone with.
CA = (
    "MIIBcDCCARWgAwIBAgIUAoThrqD5AXcpHgySbksC8w3azv4wCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBeDAgFw0yNjExMjQxNDQy"
    "NDZaGA8yMTI2MTAzMTE0NDI0NlowDDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNct0oaKZhHRsm5n59wu"
    "V+crTPMkw+4YQ4XdtjA6yz9bbh5up8hgQKTgsOFeVe10RHATasn1EDANDYe5Pdhd2OCjUzBRMB0GA1UdDgQWBBS3OXlNuiaAEp+A"
    "1kngPR06ivJqcDAfBgNVHSMEGDAWgBS3OXlNuiaAEp+A1kngPR06ivJqcDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kA"
    "MEYCIQDyWVHjI3xtj4WzDgJlRHdP1xSkI8L6eSBwVP2CtpMXMQIhAPLym4PdDi7ug6HGXiLeQwEQiZxh+vQivVoRMJeY2ORs"
)


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
