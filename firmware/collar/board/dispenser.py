"""The treat dispenser: a geared motor behind a transistor, a light barrier in the chute, the motor's current."""

import asyncio

from board.ports import Dispenser

FULL_SPEED = 65_535  # of 16 bits; machine.PWM.duty_u16
LOOK_EVERY_MS = 10
# A turn of the wheel takes about 800 ms; after three of them nothing is left to fall.
TURN_MS = 2_500
# A blocked motor draws more than STALL_MV over its 1 ohm resistor; starting does so, too, but not for that long.
STALL_MV, STALL_MS = 400, 300


class MotorDispenser(Dispenser):
    """`motor` is a machine.PWM, `beam` a machine.Pin that falls when a treat passes, `current` a machine.ADC."""

    def __init__(self, motor, beam, current, turn_ms=TURN_MS, stall_ms=STALL_MS):
        self._motor, self._current = motor, current
        self.turn_ms, self._stall_ms = turn_ms, stall_ms
        self._fallen = 0
        motor.duty_u16(0)
        beam.irq(self._on_beam, beam.IRQ_FALLING)

    def _on_beam(self, pin):
        self._fallen += 1

    async def turn(self, id, portion):
        """Give `portion` treats. dispensed if one has fallen at least: food that is gone was given."""
        self._fallen = 0
        self._motor.duty_u16(FULL_SPEED)
        try:
            outcome = await self._until(portion)
        finally:
            self._motor.duty_u16(0)
        return "dispensed" if self._fallen else outcome

    async def _until(self, portion):
        """Until that many have fallen, none has for TURN_MS (empty), or the motor is blocked (jammed)."""
        fallen = waited = blocked = 0
        while self._fallen < portion:
            await asyncio.sleep_ms(LOOK_EVERY_MS)
            waited += LOOK_EVERY_MS
            if self._fallen > fallen:
                fallen, waited = self._fallen, 0
            blocked = blocked + LOOK_EVERY_MS if self._current.read_uv() > STALL_MV * 1000 else 0
            if blocked >= self._stall_ms:
                return "jammed"
            if waited >= self.turn_ms:
                return "empty"
        return "dispensed"
