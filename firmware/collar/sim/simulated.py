"""A simulated board; `sim.json` beside device.json steers it (docs/protocol.md, "Simulated collars")."""

import asyncio
import os
import time

from app import files
from board.lis3dh import LIS3DH
from sim.chip import SimulatedI2C

FULL = 50


class Dispenser:
    """A motor that takes its time; each turn is a line in motor.log."""

    def __init__(self, board):
        self._board = board
        self.full = board.option("treats", FULL)

    async def turn(self, treat_id, portion):
        """dispensed, jammed or empty."""
        with open(self._board.root + "/motor.log", "a") as log:
            log.write("%s %d\n" % (treat_id, portion))
        await asyncio.sleep_ms(self._board.option("motor_ms", 800))
        return self._board.option("outcome", "dispensed")


class Battery:
    """Loses a percent in two hours."""

    def __init__(self, board):
        self._board = board
        self._start = time.ticks_ms()

    def percent(self):
        """0 to 100."""
        used = time.ticks_diff(time.ticks_ms(), self._start) // 720_000 / 10
        return max(0, self._board.option("battery", 87.5) - used)


class Board:
    """The hardware of one collar."""

    def __init__(self, root, number):
        self.root = root
        seed = self.option("seed", number)
        self.accelerometer = LIS3DH(SimulatedI2C(seed))
        self.dispenser = Dispenser(self)
        self.battery = Battery(self)

    def option(self, name, default):
        """A setting of sim.json, read afresh each time: a test may change it."""
        return files.read_json(self.root + "/sim.json", {}).get(name, default)

    def interval_s(self, configured):
        """The interval between samples in seconds; sim.json may ask for a shorter one."""
        return self.option("interval_s", configured)

    def rssi(self):
        """dBm."""
        return -58

    def ip(self):
        """Where the collar is on its network."""
        return "127.0.0.1"

    def answers(self):
        """Whether it obeys commands at all."""
        return self.option("answer", True)

    def note_made(self, boot, sample):
        """A line in made.log for each sample, before it can be sent: what tests hold the database against."""
        if self.option("log", False):
            with open(self.root + "/made.log", "a") as log:
                log.write("%s %d %d\n" % (boot, sample["seq"], sample["ts"]))

    def after_motor(self, result):
        """`"die": "after_motor"`: the power goes between the motor and the answer, once."""
        if self.option("die", None) == "after_motor" and not files.exists(self.root + "/died"):
            files.write(self.root + "/died", result)
            os.system("kill -9 $PPID")
