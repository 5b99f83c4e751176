"""From the bytes of a command to its meaning. Nothing that arrives here may stop the collar."""

import json


def parse(payload):
    """The JSON object in a payload, or None. A very deep one exhausts the memory or the stack: also None."""
    try:
        told = json.loads(payload)
    except (ValueError, MemoryError, RuntimeError):
        return None
    return told if isinstance(told, dict) else None
