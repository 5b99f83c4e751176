"""Files that survive a power cut: written beside, then renamed in one step."""

import json
import os


def exists(path):
    """Whether there is a file or folder of this name."""
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def make_folder(path):
    """Make a folder unless it is there."""
    if not exists(path):
        os.mkdir(path)


def write(path, text):
    """Replace a file whole."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def read_json(path, default=None):
    """What a file holds; `default` when it is missing or torn."""
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return default


def remove(path):
    """Remove a file if it is there."""
    try:
        os.remove(path)
    except OSError:
        pass
