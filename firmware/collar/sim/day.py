"""A day in minutes: `micropython -X heapsize=512K sim/day.py DIR`. The collar is connected, its time is virtual.

It starts a day ago and ends now. Prints a JSON object each hour: the heap in use, in bytes.
"""

import gc
import json
import sys

HERE = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
sys.path[:0] = [HERE, HERE + "/.."]

from sim import virtual

# A broker on the same computer answers sooner than that.
CLOCK = virtual.install(20)

import asyncio

from sim import run

HOURS = 24
HOUR_MS = 3_600_000


async def main(folder):
    running = asyncio.create_task(run.SimCollar(folder, 60_000).run())
    for hour in range(1, HOURS + 1):
        await asyncio.sleep_ms(HOUR_MS)
        gc.collect()
        print(json.dumps({"hour": hour, "heap": gc.mem_alloc()}))
    running.cancel()


if __name__ == "__main__":
    CLOCK.calendar_ms = -HOURS * HOUR_MS
    asyncio.run(main(sys.argv[1]))
