"""Runs collars under the unix port: `micropython run.py FLASH [FLASH ...]`, a folder with device.json each."""

import sys

sys.path.insert(0, sys.argv[0].rsplit("/", 2)[0])

import asyncio
import time

from app import files
from app.clock import Clock
from app.main import Collar
from sim.simulated import Board


def logger(device_id):
    """A line for each event: time, collar, event, fields."""

    def log(event, **fields):
        now = time.gmtime()
        stamp = "%04d-%02d-%02dT%02d:%02d:%02dZ" % now[:6]
        print(stamp, "collar", device_id[:8] + ".." + device_id[-4:], event, *("%s=%s" % pair for pair in fields.items()))

    return log


async def main(roots):
    """All collars side by side."""
    collars = []
    for number, root in enumerate(roots):
        clock, board = Clock(), Board(root, number)
        if not board.option("no_clock", False):
            clock.set(time.time_ns() // 1_000_000)
        name = files.read_json(root + "/device.json")["id"]
        collars.append(Collar(root, board, clock, logger(name)).run())
    await asyncio.gather(*collars)


try:
    asyncio.run(main(sys.argv[1:]))
except KeyboardInterrupt:
    pass
