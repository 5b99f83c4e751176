"""The LIS3DH accelerometer over I2C, read through its FIFO.

Registers and bits from ST's data sheet DocID17530 Rev 2: the register map is its table 21, the FIFO its section 5.
"""

import struct

from board.ports import Accelerometer

# Table 21.
WHO_AM_I, CTRL_REG1, CTRL_REG3, CTRL_REG4, CTRL_REG5 = 0x0F, 0x20, 0x22, 0x23, 0x24
OUT_X_L, FIFO_CTRL_REG, FIFO_SRC_REG = 0x28, 0x2E, 0x2F
IDENTITY = 0x33  # 8.6
AUTO_INCREMENT = 0x80  # 6.1.1: the top bit of the address; in the FIFO a read goes from 0x2D back to 0x28
RATE_50_HZ_XYZ = 0x47  # 8.8, table 31
WATERMARK_ON_INT1 = 0x04  # 8.10
WHOLE_4G_FINE = 0x98  # 8.11: whole words (BDU), +-4 g, 12 bits
FIFO_ON = 0x40  # 8.12
STREAM_MODE = 0x80  # 8.16: the newest samples push out the oldest
WATERMARK = 25  # half a second
OVERRUN, UNREAD = 0x40, 0x1F  # 8.17
DEPTH, SAMPLE_BYTES = 32, 6
LEFT_ALIGNED, MG_A_DIGIT = 4, 2  # table 4: 2 mg a digit at +-4 g in 12 bits
SETTINGS = (
    (CTRL_REG5, FIFO_ON),
    (CTRL_REG4, WHOLE_4G_FINE),
    (CTRL_REG3, WATERMARK_ON_INT1),
    (FIFO_CTRL_REG, STREAM_MODE | WATERMARK),
    (CTRL_REG1, RATE_50_HZ_XYZ),
)


class Lis3dh(Accelerometer):
    """50 samples a second. `lost` counts the times that the FIFO ran over, `resets` those that the chip forgot us."""

    def __init__(self, i2c, address=0x18):
        self._i2c, self._address = i2c, address
        self._bytes = bytearray(DEPTH * SAMPLE_BYTES)
        self._last = None
        self.lost = self.resets = 0
        self._configured = False

    def read(self):
        """The samples since the last call, oldest first, as (x, y, z) in mg. Raises OSError if the chip is silent."""
        if not self._configured or self._get(CTRL_REG1) != RATE_50_HZ_XYZ:
            self._configure()
        source = self._get(FIFO_SRC_REG)
        if source & OVERRUN:
            self.lost += 1
        count = DEPTH if source & OVERRUN else source & UNREAD
        data = memoryview(self._bytes)[: count * SAMPLE_BYTES]
        if count:
            self._i2c.readfrom_mem_into(self._address, OUT_X_L | AUTO_INCREMENT, data)
        for at in range(0, len(data), SAMPLE_BYTES):
            self._last = tuple((one >> LEFT_ALIGNED) * MG_A_DIGIT for one in struct.unpack_from("<hhh", data, at))
            yield self._last

    def last(self):
        """The newest sample that was read, or None."""
        return self._last

    def _configure(self):
        if self._get(WHO_AM_I) != IDENTITY:
            raise OSError("no LIS3DH")
        self.resets += self._configured
        for register, value in SETTINGS:
            self._i2c.writeto_mem(self._address, register, bytes((value,)))
        self._configured = True

    def _get(self, register):
        return self._i2c.readfrom_mem(self._address, register, 1)[0]
