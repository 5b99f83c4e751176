"""Starts the program in one of two slots, and goes back to the other when a new one does not prove itself.

The board runs it as /main.py. It stands alone: no update changes it. What it keeps is slots.json: `slot` is the program
that has proved itself, `trial` one that has not yet, `tries` how often that was started.
"""

import json
import os
import sys

# A new program that was started so often and never reached the server is given up.
TRIES = 3
RECORD = "/slots.json"


def read(root):
    """The record. Without a whole one the first slot that holds a program is the proved one."""
    try:
        with open(root + RECORD) as file:
            record = json.loads(file.read())
        if record["slot"] in ("a", "b"):
            return record
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {"slot": "a" if is_whole(root + "/a") else "b"}


def write(root, record):
    """Replace the record; a power cut leaves the old one or the new one."""
    with open(root + RECORD + ".tmp", "w") as file:
        file.write(json.dumps(record))
    os.rename(root + RECORD + ".tmp", root + RECORD)


def is_whole(slot):
    """True if all of a program was written there: the manifest comes last."""
    try:
        os.stat(slot + "/manifest.json")
        return True
    except OSError:
        return False


def choose(root):
    """(slot to start, True if it is on trial). The attempt is counted before it is made."""
    record = read(root)
    if record.get("trial"):
        if record["tries"] < TRIES:
            record["tries"] += 1
            write(root, record)
            return record["trial"], True
        record = {"slot": record["slot"]}
        write(root, record)
    return record["slot"], False


def start(root, run=None):
    """Start the program; comes back when it ends. `run(root, slot, trial)` is by default the slot's own."""
    slot, trial = choose(root)
    sys.path.insert(0, root + "/" + slot)
    try:
        if run is None:
            from board.start import run
        run(root, slot, trial)
    except Exception as error:
        sys.print_exception(error)


if __name__ == "__main__":
    import machine

    start("")
    machine.reset()
