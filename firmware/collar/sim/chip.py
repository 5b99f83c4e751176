"""A simulated LIS3DH: answers I2C at register level with the motion of a dog that rests, walks and shakes."""

import math
import time

from board import lis3dh

FIFO_DEPTH = 31
WALK_HZ = 2


class SimulatedI2C:
    """The bus with one chip on it. Samples appear with time, 50 in a second, at most FIFO_DEPTH unread."""

    def __init__(self, seed):
        self._registers = {lis3dh.WHO_AM_I: lis3dh.IDENTITY}
        self._seed, self._tick = seed, 0
        self._last = time.ticks_ms()
        self._due = 0

    def writeto_mem(self, address, register, data):
        """I2C write."""
        self._registers[register] = data[0]

    def readfrom_mem(self, address, register, count):
        """I2C read; the FIFO's level follows the clock."""
        if register == lis3dh.FIFO_SRC_REG:
            return bytes([self._level()])
        if register == lis3dh.OUT_X_L | lis3dh.AUTO_INCREMENT:
            return b"".join(self._sample() for _ in range(count // 6))
        return bytes([self._registers.get(register, 0)])

    def _level(self):
        now = time.ticks_ms()
        self._due = min(FIFO_DEPTH, self._due + time.ticks_diff(now, self._last) // 20)
        self._last = now - time.ticks_diff(now, self._last) % 20
        return self._due

    def _sample(self):
        self._due = max(0, self._due - 1)
        self._tick += 1
        return b"".join(_left_aligned(value) for value in motion(self._tick, self._seed))


def motion(tick, seed):
    """(x, y, z) in mg of a sample: mostly rest, a walk in every fourth half-minute."""
    spell = (tick // 1500 + seed) % 4
    if spell:
        return 10 + (tick * 7 + seed) % 5, -980 + tick % 3, 120 + (tick * 3) % 4
    swing = math.sin(2 * math.pi * WALK_HZ * tick / 50)
    return int(60 * swing), int(-980 + 300 * swing), int(120 + 40 * swing)


def _left_aligned(mg):
    value = (mg // lis3dh.MG_PER_DIGIT) << 4 & 0xFFFF
    return bytes([value & 0xFF, value >> 8])
