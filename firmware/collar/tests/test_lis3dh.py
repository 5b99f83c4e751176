"""The driver against a chip that answers register by register."""

from board import lis3dh
from board.lis3dh import Lis3dh
from sim import machine
from sim.lis3dh import Lis3dhChip


class Ramp:
    """Motion whose samples can be told apart."""

    def __init__(self):
        self.at = 0

    def advance(self, elapsed_ms, count):
        self.at += elapsed_ms * 50 // 1000 - count
        for _ in range(count):
            self.at += 1
            yield self.at * 2, -self.at * 2, 1000


class Bus:
    """A bus with one chip, and a clock that a test moves."""

    def __init__(self):
        self.ms = 0
        self.chip = Lis3dhChip(Ramp(), lambda: self.ms)
        self.chips = {0x18: self.chip}
        machine.use(self)

    def driver(self):
        return Lis3dh(machine.I2C(0))


def test_the_chip_is_set_up_as_the_data_sheet_says(_):
    bus = Bus()
    assert list(bus.driver().read()) == []
    written = {at: bus.chip.read(at, 1)[0] for at, _ in lis3dh.SETTINGS}
    assert written == {0x20: 0x47, 0x22: 0x04, 0x23: 0x98, 0x24: 0x40, 0x2E: 0x99}


def test_samples_come_in_order_and_once(_):
    bus = Bus()
    driver = bus.driver()
    seen = list(driver.read())
    for _ in range(5):
        bus.ms += 400
        seen.extend(driver.read())
    assert seen == [(at * 2, -at * 2, 1000) for at in range(1, 101)]
    assert driver.lost == 0


def test_a_buffer_that_ran_over_gives_the_newest_and_says_so(_):
    bus = Bus()
    driver = bus.driver()
    list(driver.read())
    bus.ms += 2000
    seen = list(driver.read())
    assert len(seen) == 32 and seen[-1] == (200, -200, 1000) and driver.lost == 1
    bus.ms += 20
    assert list(driver.read()) == [(202, -202, 1000)]


def test_a_chip_that_forgot_everything_is_set_up_again(_):
    bus = Bus()
    driver = bus.driver()
    list(driver.read())
    bus.chip.forget()
    list(driver.read())
    bus.ms += 100
    assert len(list(driver.read())) == 5 and driver.resets == 1


def test_another_chip_or_none_is_an_error(_):
    for chips in ({}, {0x18: Lis3dhChip(Ramp(), lambda: 0)}):
        bus = Bus()
        if chips:
            bus.chip._registers[lis3dh.WHO_AM_I] = 0x41
        else:
            bus.chips.clear()
        try:
            list(bus.driver().read())
            raise AssertionError("no error")
        except OSError:
            pass
