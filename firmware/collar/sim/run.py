"""Runs collars on a computer: `micropython sim/run.py DIR [DIR ...]`, each DIR the flash of one collar.

The README beside this folder tells how sim.json steers it.
"""

import asyncio
import json
import os
import sys
import time

# sim/ first: its modules stand in for the hardware's. A loader has chosen already where the program lies.
HERE = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
if __name__ == "__main__":
    sys.path[:0] = [HERE, HERE + "/.."]

import boot.main as loader
from app import files
from app.config import BadConfig, Device
from app.log import make_log
from app.main import FIRMWARE, Collar, Ports, Restart
from app.mqtt import KEEP_ALIVE_S
from app.networks import Networks
from app.setup import Setup
from app.slots import Slots
from app.treat import RESULTS
from app.wifi import Wifi
from board import parts
from board.pins import FREENOVE_S3_CAM as PINS
from sim import camera, machine, network
from sim.hardware import Board
from sim.motion import Motion
from sim.parts import FULL, HOME, Options, SimDispenser

# Collars of one process start one after the other: a TLS handshake keeps the processor busy.
APART_MS = 20
RESTART_MS = 1_000
ALIVE_MS = 2_000
# The chip's buffer is full after 640 ms. Many collars in one process look less often; what is lost is made good.
FEEL_MS, FEEL_MANY_MS, MANY = 400, 60_000, 20


def system_ms():
    """The computer's clock."""
    return time.time_ns() // 1_000_000


class SimCollar(Collar):
    """The real program with its traces written to files, for tests to read."""

    def __init__(self, folder, feel_ms=FEEL_MS, slots=None):
        self._folder, self._feel_ms = folder, feel_ms
        self.options = Options(folder)
        device = Device(folder)
        super().__init__(folder, self._ports(device, make_log(device.id)), slots)
        if self.ports.dispenser:
            self.ports.dispenser.ledger = self.treats.ledger
        self.link.client.keep_alive_s = self.options["keep_alive_s"] or KEEP_ALIVE_S
        if self.options["log"]:
            self._mend_made_log()

    def _ports(self, device, log):
        options = self.options
        self._board = Board(options, Motion(options["seed"]), system_ms)
        machine.use(self._board)
        camera.use(_first_word(self._folder), system_ms, options["film"])
        dispenser = parts.dispenser(machine, PINS) if options["dispenser"] else None
        return Ports(
            options["board"] or PINS["board"],
            parts.accelerometer(machine, PINS),
            SimDispenser(self._folder, options, dispenser, self._board) if dispenser else None,
            parts.battery(machine, PINS),
            self._wifi(device, log),
            parts.camera(camera, log) if options["camera"] else None,
            system_ms if options["clock"] == "set" else None,
            FULL if options["treats"] is None else options["treats"],
            options["feel_ms"] or self._feel_ms,
        )

    def _wifi(self, device, log):
        options = self.options
        at_home = [HOME] + device.networks
        network.use(options["air"] or {one["ssid"]: (one["password"], -50 - options["seed"] % 20) for one in at_home})
        networks = Networks(self._folder, device.networks or options["known"])
        where = ("127.0.0.1", options["setup_port"])
        setup = Setup(network, networks, *device.access_point, log, where, options["setup_ms"])
        return Wifi(network, networks, setup, log)

    def interval_ms(self):
        """The configured one, unless sim.json has another."""
        override = self.options["interval_s"]
        return super().interval_ms() if override is None else max(int(override * 1000), 10)

    def on_up(self):
        """Show by a file that the collar is connected."""
        with open(self._folder + "/online", "w") as file:
            file.write(self.boot + "\n")
        super().on_up()

    def on_down(self):
        """Take the file away."""
        files.remove(self._folder + "/online")

    def on_sample(self, seq, ts):
        """Write the sample's identity down before it can be sent."""
        if self.options["log"]:
            self._made("%s %d %d\n" % (self.boot, seq, ts))

    def on_settled(self, entry):
        """Die between the motor and the answer, once, if sim.json says so."""
        if entry.result not in RESULTS or self.options["die"] != "after_motor":
            return
        if not files.exists(self._folder + "/died"):
            with open(self._folder + "/died", "w") as file:
                file.write(entry.id + "\n")
            self.log("dies", id=entry.id)
            os.system("kill -9 $PPID")

    def take_treat(self, told):
        """Obey, unless sim.json says that commands get lost."""
        self.options.read()
        if self.options["answer"]:
            super().take_treat(told)

    def _made(self, line):
        with open(self._folder + "/made.log", "a") as file:
            file.write(line)

    def _mend_made_log(self):
        """A kill between flash and made.log leaves one sample unwritten: write it now."""
        text, batch = self.buffer.newest()
        if text is None:
            return
        sample = json.loads(text)
        line = "%s %d %d\n" % (batch.boot, sample["seq"], sample["ts"])
        if not files.exists(self._folder + "/made.log") or line not in _tail(self._folder + "/made.log"):
            self._made(line)


def _tail(path):
    with open(path) as file:
        file.seek(max(os.stat(path)[6] - 200, 0))
        return file.read()


def _first_word(folder):
    """What the collar is called, as far as a picture has room."""
    device = files.read_json(folder + "/device.json") or {}
    return (str(device.get("name") or "").split() or [""])[0]


def _chosen_slots(folder):
    """Where an update goes, and which one its loader would start. It runs this computer's program all the same."""
    root = folder + "/program"
    if not loader.is_whole(root + "/a"):
        files.make_folder(root)
        files.make_folder(root + "/a")
        board = Options(folder)["board"] or PINS["board"]
        files.write_json(root + "/a/manifest.json", {"version": FIRMWARE, "board": board})
    return Slots(root, *loader.choose(root))


async def _keep_running(folder, delay_ms, feel_ms):
    """A collar that breaks starts anew, as the watchdog would do it."""
    await asyncio.sleep_ms(delay_ms)
    while True:
        collar = SimCollar(folder, feel_ms, _chosen_slots(folder))
        try:
            await collar.run()
        except Restart:
            continue
        except Exception as error:
            collar.log("crashed", error=type(error).__name__)
            sys.print_exception(error)
        await asyncio.sleep_ms(RESTART_MS)


async def _show_life(folder):
    """Touch a file while the loop turns, for who started us."""
    while True:
        with open(folder + "/alive", "w"):
            pass
        await asyncio.sleep_ms(ALIVE_MS)


async def _run_all(folders):
    feel_ms = FEEL_MS if len(folders) < MANY else FEEL_MANY_MS
    asyncio.create_task(_show_life(folders[0]))
    await asyncio.gather(*[_keep_running(folder, at * APART_MS, feel_ms) for at, folder in enumerate(folders)])


def main(folders):
    """Run until the process is ended. 2 if a folder is no collar's."""
    for folder in folders:
        files.remove(folder + "/online")
    try:
        asyncio.run(_run_all(folders))
    except BadConfig as error:
        print("collar:", error)
        return 2
    except KeyboardInterrupt:
        pass
    finally:
        for folder in folders:
            files.remove(folder + "/online")
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print("usage: micropython run.py DIR [DIR ...]")
        sys.exit(2)
    sys.exit(main(sys.argv[1:]))
