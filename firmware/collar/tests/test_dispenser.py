"""The dispenser's driver on the simulated wheel, and the battery's curve."""

import asyncio

from board import parts
from board.battery import level_of
from board.pins import FREENOVE_S3_CAM as PINS
from sim import machine
from sim.hardware import Board, millivolts_of
from sim.motion import Motion


def board(**options):
    values = {"motor_ms": 40, "outcome": "dispensed", "battery": 87.5, "charging": False}
    values.update(options)
    made = Board(values, Motion(1), lambda: 0)
    machine.use(made)
    return made


def turn(made, portion=1):
    made.asked = portion
    driver = parts.dispenser(machine, PINS, turn_ms=300, stall_ms=100)
    return asyncio.run(driver.turn("x", portion))


def test_each_treat_of_a_portion_falls_through_the_beam(_):
    made = board()
    assert turn(made, 3) == "dispensed" and made._duty == 0


def test_a_blocked_motor_is_jammed_and_switched_off(_):
    made = board(outcome="jammed")
    assert turn(made) == "jammed" and made._duty == 0


def test_a_wheel_that_turns_in_vain_is_empty(_):
    made = board(outcome="empty")
    assert turn(made) == "empty" and made._duty == 0


def test_the_curve_goes_up_and_back(_):
    assert (level_of(3000), level_of(3800), level_of(4300)) == (0, 400, 1000)
    for level in range(0, 1001, 25):
        assert abs(level_of(millivolts_of(level)) - level) <= 25


def test_the_battery_is_read_through_its_divider(_):
    board(battery=50)
    cell = parts.battery(machine, PINS)
    assert 490 <= cell.level() <= 510 and not cell.charging()
    board(charging=True)
    assert parts.battery(machine, PINS).charging()
