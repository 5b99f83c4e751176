"""What the collar's light says. It is on whenever the camera is."""

import asyncio

# Milliseconds on, off, on, off ...; docs/collar.md explains them to owners.
PATTERNS = {
    "camera": (1_000, 0),
    "setup": (100, 100, 100, 700),
    "no_wifi": (150, 150),
    "no_server": (500, 500),
    "low_battery": (50, 150, 50, 150, 50, 4_550),
    "online": (50, 4_950),
}


def sign(collar):
    """The name of the pattern for how a collar (app.main.Collar) is."""
    if collar.video.streaming:
        return "camera"
    if collar.ports.network.in_setup():
        return "setup"
    if not collar.link.online:
        return "no_server" if collar.ports.network.rssi() else "no_wifi"
    return "low_battery" if collar.power.no_stream_because() else "online"


async def show(pin, collar):
    """Let the light on `pin` (a machine.Pin) tell, for ever. A camera that goes on is shown within 250 ms."""
    while True:
        name = sign(collar)
        for at, ms in enumerate(PATTERNS[name]):
            pin.value(0 if at % 2 else 1)
            while ms > 0 and sign(collar) == name:
                await asyncio.sleep_ms(min(ms, 250))
                ms -= 250
