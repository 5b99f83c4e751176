"""MicroPython's `machine`, as far as the drivers use it, wired to a simulated board: `use(board)` before parts are made."""

_board = None


def use(board):
    """What is made from now on is wired to that board."""
    global _board
    _board = board


class Pin:
    """A line of the board."""

    IN, OUT, PULL_UP, IRQ_FALLING, IRQ_RISING = 0, 1, 2, 4, 8

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self.id, self._board = id, _board
        if value is not None:
            self.value(value)

    def irq(self, handler, trigger):
        """Call `handler(pin)` at that edge."""
        self._board.handlers[self.id] = lambda: handler(self)

    def value(self, level=None):
        """Read the line, or drive it."""
        if level is None:
            return self._board.level(self.id)
        self._board.drive(self.id, level)


class I2C:
    """A bus; who does not answer raises OSError, as hardware does."""

    def __init__(self, id, scl=None, sda=None, freq=400_000):
        self._chips = _board.chips

    def _chip(self, address):
        if address not in self._chips:
            raise OSError(19)
        return self._chips[address]

    def scan(self):
        """The addresses that answer."""
        return sorted(self._chips)

    def writeto_mem(self, address, register, data):
        """One write transaction."""
        self._chip(address).write(register, data)

    def readfrom_mem(self, address, register, count):
        """One read transaction."""
        return self._chip(address).read(register, count)

    def readfrom_mem_into(self, address, register, buffer):
        """One read transaction into a buffer."""
        buffer[:] = self._chip(address).read(register, len(buffer))


class PWM:
    """Pulses on a pin."""

    def __init__(self, pin, freq=1_000, duty_u16=0):
        self._pin, self._board = pin, _board
        self.duty_u16(duty_u16)

    def duty_u16(self, duty):
        """0 to 65535 of the time."""
        self._board.power(self._pin.id, duty)


class ADC:
    """A pin's voltage."""

    def __init__(self, pin):
        self._pin, self._board = pin, _board

    def read_uv(self):
        """Microvolts."""
        return self._board.microvolts(self._pin.id)


class WDT:
    """The watchdog; the board counts how often it was fed."""

    def __init__(self, timeout):
        self._board = _board

    def feed(self):
        """The program goes on."""
        self._board.fed += 1


class RTC:
    """The chip's clock: the simulation's runs by itself, so what is set is only noted."""

    def datetime(self, moment):
        """(year, month, day, weekday, hour, minute, second, subsecond)."""
        _board.clock = moment
