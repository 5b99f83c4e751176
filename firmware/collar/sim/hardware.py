"""The simulated board of one collar: an accelerometer on an animal, a wheel with treats, a cell that runs down."""

import asyncio

from board.battery import CURVE, DIVIDER
from board.pins import FREENOVE_S3_CAM as PINS
from sim.lis3dh import Lis3dhChip

LIS3DH = 0x18
RUNNING_UV, BLOCKED_UV = 150_000, 900_000
# An hour of battery per tenth of a percent.
DRAIN_MS = 3_600_000


def millivolts_of(level):
    """The voltage of a cell at that level (tenths of a percent): battery.level_of the other way."""
    for (low, below), (high, above) in zip(CURVE, CURVE[1:]):
        if level <= above:
            return low - (below - level) * (high - low) // (above - below)
    return CURVE[-1][0]


class Board:
    """`options` is sim.json; see the drivers in board/ for what is wired where."""

    def __init__(self, options, motion, now_ms):
        self._options, self._now_ms = options, now_ms
        self._since = now_ms()
        self.chips = {LIS3DH: Lis3dhChip(motion, now_ms)}
        self.handlers = {}
        self.levels = {}
        self._wheel = None
        self._duty = 0
        self.asked = 1
        self.fed, self.clock = 0, None

    # What machine's classes call.

    def level(self, pin):
        """The level of a line; nothing pulls it down."""
        if pin == PINS["charging"]:
            return 0 if self._options["charging"] else 1
        return self.levels.get(pin, 1)

    def drive(self, pin, level):
        """An output's level."""
        self.levels[pin] = level

    def power(self, pin, duty):
        """Pulses for the motor: the wheel begins to turn, or stops."""
        if pin != PINS["motor"]:
            return
        self._duty = duty
        if duty and self._wheel is None:
            self._wheel = asyncio.create_task(self._turn())
        elif not duty and self._wheel:
            self._wheel.cancel()
            self._wheel = None

    def microvolts(self, pin):
        """The voltage at an analogue pin."""
        if pin == PINS["battery_adc"]:
            return millivolts_of(self.battery()) * 1000 // DIVIDER
        if pin == PINS["motor_adc"] and self._duty:
            return BLOCKED_UV if self._options["outcome"] == "jammed" else RUNNING_UV
        return 0

    # The animal's world.

    def battery(self):
        """Tenths of a percent; sinks slowly from where it started."""
        return max(int(self._options["battery"] * 10) - (self._now_ms() - self._since) // DRAIN_MS, 0)

    async def _turn(self):
        """The wheel drops a treat each time it has come around, if there is one and nothing blocks it."""
        for _ in range(self.asked):
            await asyncio.sleep_ms(max(self._options["motor_ms"] // self.asked, 1))
            if self._options["outcome"] == "dispensed":
                self.handlers[PINS["beam"]]()
