"""From the bytes of a command to its meaning. Nothing that arrives here may stop the collar."""

import json

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
