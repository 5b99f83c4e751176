"""Runs the program on an ESP32: the loader calls `run` with the slot that it has chosen."""

import asyncio
import time

from app.config import Device
from app.log import make_log
from app.main import Collar, Ports, Restart
from app.networks import Networks
from app.setup import Setup
from app.slots import Slots
from app.wifi import Wifi
from board import button, led, parts
from board.pins import FREENOVE_S3_CAM as PINS

# Longer than the slowest thing that the program does without a pause: a TLS handshake, a name that nobody resolves.
WATCHDOG_MS = 60_000
# The ESP32's clock counts from 2000 (MicroPython, `time`), the program's from 1970.
EPOCH_S = 0 if time.gmtime(0)[0] == 1970 else 946_684_800
NTP_EVERY_MS = 3_600_000


class NetworkTime:
    """The clock of the chip, once a time server has set it."""

    def __init__(self, ntp, log):
        self._ntp, self._log = ntp, log
        self._known = False

    def now_ms(self):
        """Milliseconds since 1970; 0 while nobody has set the clock."""
        return (time.time_ns() // 1_000_000 + EPOCH_S * 1_000) if self._known else 0

    def ask(self):
        """Ask a time server, for a second at most."""
        try:
            self._ntp.timeout = 1
            self._ntp.settime()
            self._known = True
        except (OSError, ValueError) as error:
            self._log("ntp_failed", error=error)


class OnlineWifi(Wifi):
    """Asks for the time before the first use of a network: certificates cannot be checked without."""

    def __init__(self, network, networks, setup, log, clock):
        super().__init__(network, networks, setup, log)
        self._clock, self._asked = clock, None

    async def ready(self):
        """Joined, and the time was asked for within the last hour."""
        await super().ready()
        now = time.ticks_ms()
        if self._asked is None or time.ticks_diff(now, self._asked) > NTP_EVERY_MS:
            self._asked = now
            self._clock.ask()


def set_floor(machine, not_before):
    """Move a clock that was never set to `not_before` (seconds since 1970): certificates are younger than 2000."""
    if time.time() + EPOCH_S < not_before:
        year, month, day, hour, minute, second, weekday = time.gmtime(not_before - EPOCH_S)[:7]
        machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def assemble(folder, slots, machine, network, camera, ntp, **more):
    """The collar of this board, from its flash folder and MicroPython's modules."""
    device = Device(folder)
    log = make_log(device.id)
    set_floor(machine, device.made)
    networks = Networks(folder, device.networks)
    setup = Setup(network, networks, *device.access_point, log, **more)
    clock = NetworkTime(ntp, log)
    watchdog = machine.WDT(timeout=WATCHDOG_MS)
    ports = Ports(
        PINS["board"],
        parts.accelerometer(machine, PINS),
        parts.dispenser(machine, PINS),
        parts.battery(machine, PINS),
        OnlineWifi(network, networks, setup, log, clock),
        parts.camera(camera, log),
        clock.now_ms,
        alive=watchdog.feed,
    )
    return Collar(folder, ports, slots)


async def live(collar, machine):
    """The program, its light and its button."""
    light = asyncio.create_task(led.show(machine.Pin(PINS["led"], machine.Pin.OUT), collar))
    pressed = machine.Pin(PINS["button"], machine.Pin.IN, machine.Pin.PULL_UP)
    watching = asyncio.create_task(button.watch(pressed, collar.ports.network.wish_setup))
    try:
        await collar.run()
    except Restart:
        pass
    finally:
        light.cancel()
        watching.cancel()


def run(root, slot, trial):
    """Run until the program wants to be started anew; what it raises is the loader's."""
    import camera
    import machine
    import network
    import ntptime

    collar = assemble(root + "/data", Slots(root, slot, trial), machine, network, camera, ntptime)
    asyncio.run(live(collar, machine))
