"""One line an event on the console: `<time> collar <last 8 of id> <event> key=value ...`."""

import time


def _text(value):
    text = " ".join(str(value).split())
    return '"%s"' % text.replace('"', "'") if " " in text else text


def make_log(device_id):
    """A log function for one collar. Callers never hand it a password or a key."""
    name = device_id[-8:]  # an id begins with the time at which it was made

    def log(event, **values):
        parts = ["%04d-%02d-%02dT%02d:%02d:%02dZ collar" % time.gmtime()[:6], name, event]
        parts.extend("%s=%s" % (key, _text(values[key])) for key in sorted(values))
        print(" ".join(parts))

    return log
