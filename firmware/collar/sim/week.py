"""A week without a broker, in seconds: `micropython -X heapsize=64M sim/week.py DIR [DAYS START_MS SEED]`.

The whole program runs on virtual time, with its files on littlefs in a simulated flash, and the power goes five times
in the middle of a write. What the flash holds at the end is put into DIR, so that `run.py DIR` can go on; made.log
has every sample that was ever said to be kept. The last line printed is a JSON object with the wear.
"""

import json
import os
import random
import sys

HERE = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
sys.path[:0] = [HERE, HERE + "/.."]

from sim import virtual

CLOCK = virtual.install(0)

import asyncio
import vfs

from sim import run
from sim.flash import Flash, PowerCut

DAY_MS = 86_400_000
CUTS = 5
PAGES = 1_536  # 6 MB: what MicroPython leaves for files on a board of 8 MB
MOUNT = "/collar"
FILES = ("device.json", "config.json", "treats.json", "sim.json")
NOBODY = 9  # the port for discarding: nothing listens there


class WeekCollar(run.SimCollar):
    """A collar whose witness lies outside its flash."""

    def __init__(self, made):
        self.made = made
        super().__init__(MOUNT, 60_000)

    def on_sample(self, seq, ts):
        self.made.write("%s %d %d\n" % (self.boot, seq, ts))


def copy(source, target):
    with open(source, "rb") as file, open(target, "wb") as out:
        out.write(file.read())


def prepare(flash, folder):
    """Format the flash and put the collar's files on it, with a broker that is nowhere."""
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), MOUNT)
    for name in FILES:
        if name in os.listdir(folder):
            copy(folder + "/" + name, MOUNT + "/" + name)
    with open(MOUNT + "/device.json") as file:
        device = json.load(file)
    device["mqtt"]["port"] = NOBODY
    with open(MOUNT + "/device.json", "w") as file:
        json.dump(device, file)
    vfs.umount(MOUNT)


async def live(made, cut_in_ms, flash):
    """Run the program; when the time is up the next few writes end it, or the run is over."""
    collar = WeekCollar(made)
    running = asyncio.create_task(collar.run())
    await asyncio.sleep_ms(cut_in_ms)
    if flash:
        flash.cut_after(random.randrange(12))
        await running
    running.cancel()


def boot(flash, made, for_ms, cut):
    """One life of the collar, so long; `cut` ends it by a power cut soon after."""
    asyncio.new_event_loop()
    virtual.wrap(CLOCK)
    vfs.mount(vfs.VfsLfs2(flash), MOUNT)
    try:
        asyncio.run(live(made, for_ms, flash if cut else None))
    except PowerCut:
        flash.power_on()
    vfs.umount(MOUNT)


def main(folder, days, start_ms, seed):
    random.seed(seed)
    CLOCK.calendar_ms = start_ms - run.system_ms()
    flash = Flash(PAGES)
    prepare(flash, folder)
    worn = list(flash.erased)
    end = start_ms + days * DAY_MS
    with open(folder + "/made.log", "w") as made:
        for cut in range(CUTS):
            left = end - run.system_ms()
            boot(flash, made, random.randrange(left // (CUTS + 1 - cut)), True)
        boot(flash, made, end - run.system_ms(), False)
    vfs.mount(vfs.VfsLfs2(flash), MOUNT)
    os.mkdir(folder + "/outbox")
    for name in os.listdir(MOUNT + "/outbox"):
        copy(MOUNT + "/outbox/" + name, folder + "/outbox/" + name)
    most = max(now - before for now, before in zip(flash.erased, worn))
    print(json.dumps({"days": days, "power_cuts": CUTS, "busiest_page_erasures_a_day": most / days,
                      "erasures_a_day": (sum(flash.erased) - sum(worn)) / days}))


if __name__ == "__main__":
    main(sys.argv[1], *([int(word) for word in sys.argv[2:5]] or (7, run.system_ms() - 7 * DAY_MS, 1)))
