"""From the bytes of a command to its meaning. Nothing that arrives here may stop the collar."""

import json

# All that the server may tell: a command's name, the collar's method that takes it, and the keys that are read of it.
# The server's own table is broker/commands.py; its test holds the two against each other.
TABLE = {
    "ack": ("take_ack", ("boot", "batch", "stored", "rejected")),
    "treat": ("take_treat", ("id", "portion", "exp")),
    "config": ("take_config", ("version", "telemetry_interval_s", "camera", "time_zone", "retired")),
    "stream": (
        "take_stream",
        ("id", "action", "host", "port", "app", "name", "key", "lease_s", "width", "height", "fps"),
    ),
    "time": ("take_time", ("now",)),
    "update": ("take_update", ("job", "action", "version", "host", "port", "path")),
}
UNKNOWN = ("take_unknown", ("id",))

# No command has more lists and objects in it. A deep nest would take 100 bytes of memory for each of its own.
MOST_BRACKETS = 64


def parse(payload):
    """The JSON object in a payload, or None; also None for more than `MOST_BRACKETS` lists and objects."""
    text = bytes(payload)
    if text.count(b"[") + text.count(b"{") > MOST_BRACKETS:
        return None
    try:
        told = json.loads(text)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
