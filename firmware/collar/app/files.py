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


def size(path):
    """Bytes in a file; 0 if it is not there."""
    try:
        return os.stat(path)[6]
    except OSError:
        return 0


def append(path, data):
    """Add bytes at the end of a file; a power cut may leave a part of them."""
    with open(path, "ab") as file:
        file.write(data)


def write(path, data):
    """Replace a file: a reader finds the old content or the new, never a half of it."""
    with open(path + ".tmp", "wb") as file:
        file.write(data)
    os.rename(path + ".tmp", path)


def write_json(path, value):
    """Replace a JSON file in the same way."""
    write(path, json.dumps(value).encode())
