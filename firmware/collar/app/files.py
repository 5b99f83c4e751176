"""Small files in flash that survive a power cut: written aside, then renamed over the old one."""

import json
import os


def exists(path):
    """True if there is a file or folder of that name."""
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def remove(path):
    """Delete a file; that it is not there is fine."""
    try:
        os.remove(path)
    except OSError:
        pass


def make_folder(path):
    """Make a folder unless it is there."""
    if not exists(path):
        os.mkdir(path)


def read_json(path):
    """The object in a JSON file, or None if it is missing, torn or no object."""
    try:
        with open(path) as file:
            value = json.loads(file.read())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def write_json(path, value):
    """Replace a JSON file: a reader finds the old content or the new, never a half of it."""
    with open(path + ".tmp", "w") as file:
        file.write(json.dumps(value))  # One write: dump() makes one for each token.
    os.rename(path + ".tmp", path)
