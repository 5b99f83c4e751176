"""A LIS3DH that answers I2C transactions register by register, as ST's data sheet DocID17530 Rev 2 describes it.

It measures `motion` whenever somebody looks: the samples that its clock would have made since the last look are made then.
"""

import struct

from board import lis3dh as chip

DEFAULTS = {chip.WHO_AM_I: chip.IDENTITY, chip.CTRL_REG1: 0x07, chip.FIFO_SRC_REG: 0x20}  # table 21
READ_ONLY = (chip.WHO_AM_I, chip.FIFO_SRC_REG)
RATES_HZ = {1: 1, 2: 10, 3: 25, 4: 50, 5: 100, 6: 200, 7: 400}  # table 31
OUT_Z_H = 0x2D
EMPTY = 0x20
MODES = 0xC0


class Lis3dhChip:
    """`motion.advance(ms, count)` gives the last `count` samples of the next `ms` in mg; `now_ms` is a clock."""

    def __init__(self, motion, now_ms):
        self._motion, self._now_ms = motion, now_ms
        self.forget()

    def forget(self):
        """What a brown-out does."""
        self._registers = dict(DEFAULTS)
        self._fifo = []
        self._overrun = False
        self._since = self._now_ms()

    def write(self, register, data):
        """One write transaction."""
        self._measure()
        for offset, value in enumerate(data):
            at = (register & 0x7F) + (offset if register & chip.AUTO_INCREMENT else 0)
            if at not in READ_ONLY:
                self._registers[at] = value
            if at == chip.FIFO_CTRL_REG and not value & MODES:  # bypass empties it (5.1.1)
                self._fifo, self._overrun = [], False

    def read(self, register, count):
        """One read transaction: `count` bytes from `register` on."""
        self._measure()
        at, step = register & 0x7F, 1 if register & chip.AUTO_INCREMENT else 0
        if at == chip.OUT_X_L and step and count >= chip.SAMPLE_BYTES:
            return self._burst(count)
        return bytes(self._get((at + offset * step) & 0x7F) for offset in range(count))

    def _get(self, at):
        if at == chip.FIFO_SRC_REG:
            return self._source()
        if chip.OUT_X_L <= at <= OUT_Z_H:
            return self._encoded(self._fifo[0] if self._fifo else (0, 0, 0))[at - chip.OUT_X_L]
        return self._registers.get(at, 0)

    def _burst(self, count):
        """From 0x2D the address goes back to 0x28, with the next sample of the FIFO (5.1.5)."""
        data = bytearray()
        while len(data) < count:
            data.extend(self._encoded(self._fifo.pop(0) if self._fifo else (0, 0, 0)))
            self._overrun = False
        return bytes(data[:count])

    def _encoded(self, sample):
        words = [max(min(mg // chip.MG_A_DIGIT, 2047), -2048) << chip.LEFT_ALIGNED for mg in sample]
        return struct.pack("<hhh", *words)

    def _source(self):
        """8.17: watermark, overrun, empty, number of unread samples."""
        unread, watermark = len(self._fifo), self._registers.get(chip.FIFO_CTRL_REG, 0) & 0x1F
        flags = (0x80 if unread > watermark else 0) | (chip.OVERRUN if self._overrun else 0)
        return flags | (EMPTY if not unread else 0) | min(unread, chip.UNREAD)

    def _measure(self):
        rate = RATES_HZ.get(self._registers[chip.CTRL_REG1] >> 4)
        running = self._registers.get(chip.CTRL_REG5, 0) & chip.FIFO_ON
        running = running and self._registers.get(chip.FIFO_CTRL_REG, 0) & MODES == chip.STREAM_MODE
        now = self._now_ms()
        if not rate or not running:
            self._since = now
            return
        count = (now - self._since) * rate // 1000
        if count <= 0:
            return
        elapsed = count * 1000 // rate
        self._since += elapsed
        self._fifo.extend(self._motion.advance(elapsed, min(count, chip.DEPTH)))
        if len(self._fifo) >= chip.DEPTH:
            self._overrun = True
            self._fifo = self._fifo[-chip.DEPTH :]
