"""LIS3DH accelerometer over I2C (ST data sheet DocID17530; register map: table 21)."""

ADDRESS = 0x18
WHO_AM_I, IDENTITY = 0x0F, 0x33
CTRL_REG1, RATE_50HZ_XYZ = 0x20, 0x47
CTRL_REG4, BDU_4G_HIGH_RESOLUTION = 0x23, 0x98
CTRL_REG5, FIFO_ENABLE = 0x24, 0x40
FIFO_CTRL_REG, FIFO_STREAM = 0x2E, 0x80
FIFO_SRC_REG, FIFO_LEVEL = 0x2F, 0x1F
OUT_X_L, AUTO_INCREMENT = 0x28, 0x80
MG_PER_DIGIT = 2  # at +-4 g in high resolution: 12 bits, left-aligned in 16 (table 4)


class LIS3DH:
    """50 Hz into the FIFO, read in bursts."""

    def __init__(self, i2c, address=ADDRESS):
        self._i2c, self._address = i2c, address
        if self._get(WHO_AM_I) != IDENTITY:
            raise OSError("no LIS3DH on the bus")
        self._set(CTRL_REG1, RATE_50HZ_XYZ)
        self._set(CTRL_REG4, BDU_4G_HIGH_RESOLUTION)
        self._set(CTRL_REG5, FIFO_ENABLE)
        self._set(FIFO_CTRL_REG, FIFO_STREAM)

    def read(self):
        """What the FIFO holds, oldest first: [(x, y, z), ...] in mg."""
        count = self._get(FIFO_SRC_REG) & FIFO_LEVEL
        if not count:
            return []
        raw = self._i2c.readfrom_mem(self._address, OUT_X_L | AUTO_INCREMENT, 6 * count)
        values = [_signed(raw[at] | raw[at + 1] << 8) // 16 * MG_PER_DIGIT for at in range(0, len(raw), 2)]
        return [tuple(values[at : at + 3]) for at in range(0, len(values), 3)]

    def _get(self, register):
        return self._i2c.readfrom_mem(self._address, register, 1)[0]

    def _set(self, register, value):
        self._i2c.writeto_mem(self._address, register, bytes([value]))


def _signed(value):
    return value - 0x10000 if value & 0x8000 else value
