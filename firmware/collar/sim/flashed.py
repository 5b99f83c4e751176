"""Runs a collar from a whole flash, through its loader: `micropython sim/flashed.py FLASH`.

FLASH is laid out as on the board (the README beside this folder). A program that ends is a reset: the loader chooses
anew. With `"cut_after": N` in sim.json the power goes after the N-th change to the flash.
"""

import asyncio
import json
import os
import sys
import time

HERE = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
# The slot's own folder comes before these: `app` and `board` are the flash's, `sim` and `boot` lie here.
sys.path[:0] = [HERE, HERE + "/.."]
import boot.main as loader

RESET_MS = 100


class Flash:
    """Stands in for `os` and `open` where the flash is changed: counts, and cuts the power."""

    def __init__(self, cut_after):
        self._left = cut_after

    def __getattr__(self, name):
        return getattr(os, name)

    def _changed(self):
        if self._left:
            self._left -= 1
            if not self._left:
                os.system("kill -9 $PPID")

    def rename(self, old, new):
        os.rename(old, new)
        self._changed()

    def remove(self, path):
        os.remove(path)
        self._changed()

    def open(self, path, mode="r"):
        file = open(path, mode)
        return file if mode in ("r", "rb") else _Writer(file, self._changed)


class _Writer:
    def __init__(self, file, changed):
        self._file, self._changed = file, changed

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()
        self._changed()

    def write(self, data):
        return self._file.write(data)


def _watch(module, flash):
    module.os, module.open = flash, flash.open


def _run(root, slot, trial):
    """What board/start.py is on the board."""
    from app import files
    from app.slots import Slots
    from sim.run import SimCollar

    _watch(files, FLASH)
    asyncio.new_event_loop()
    asyncio.run(SimCollar(root + "/data", slots=Slots(root, slot, trial)).run())


def main(root):
    """Start the program again and again, as resets do."""
    before = list(sys.path)
    known = set(sys.modules)
    while True:
        loader.start(root, _run)
        sys.path[:] = before
        for name in set(sys.modules) - known:
            del sys.modules[name]
        time.sleep_ms(RESET_MS)


if __name__ == "__main__":
    folder = sys.argv[1]
    with open(folder + "/data/sim.json") as file:
        FLASH = Flash(json.loads(file.read()).get("cut_after", 0))
    _watch(loader, FLASH)
    main(folder)
