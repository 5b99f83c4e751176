"""The button: held for five seconds it asks for the set-up page."""

import asyncio

HOLD_MS, LOOK_MS = 5_000, 100


async def watch(pin, held):
    """Call `held()` once each time that the button on `pin` (a machine.Pin, low when pressed) is held."""
    pressed = 0
    while True:
        await asyncio.sleep_ms(LOOK_MS)
        pressed = 0 if pin.value() else pressed + LOOK_MS
        if pressed == HOLD_MS:
            held()
