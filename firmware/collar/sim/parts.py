"""The simulated dispenser, battery and network of one collar, steered by sim.json."""

import asyncio

from app import files
from board.ports import Battery, Dispenser, Network

DEFAULTS = {
    "interval_s": None,
    "motor_ms": 800,
    "outcome": "dispensed",
    "answer": True,
    "die": None,
    "treats": None,
    "battery": 87.5,
    "seed": 1,
    "log": False,
    "camera": True,
    "clock": "set",
    "keep_alive_s": None,
}
FULL = 50
# An hour of battery per tenth of a percent.
DRAIN_MS = 3_600_000


class Options:
    """sim.json, read at the start and again before each treat; what is missing has its default."""

    def __init__(self, folder):
        self._path = folder + "/sim.json"
        self._values = {}
        self.read()

    def read(self):
        """Read the file again; one that is just being written changes nothing."""
        found = files.read_json(self._path)
        if found is not None:
            self._values = found

    def __getitem__(self, name):
        return self._values.get(name, DEFAULTS[name])


class SimDispenser(Dispenser):
    """A motor that takes its time and writes motor.log. Without `treats` the container never runs out."""

    def __init__(self, folder, options):
        self._log = folder + "/motor.log"
        self._options = options
        self.ledger = None

    async def turn(self, id, portion):
        """Wait as long as a motor would, then say what fell."""
        self._options.read()
        await asyncio.sleep_ms(self._options["motor_ms"])
        with open(self._log, "a") as file:
            file.write("%s %d\n" % (id, portion))
        if self.ledger.left < portion:
            if self._options["treats"] is not None:
                return "empty"
            self.ledger.refill(FULL)
        return self._options["outcome"]


class SimBattery(Battery):
    """Sinks slowly from where it started."""

    def __init__(self, percent, clock_ms):
        self._start = int(percent * 10)
        self._clock_ms = clock_ms
        self._since = clock_ms()

    def level(self):
        """Tenths of a percent."""
        return max(self._start - (self._clock_ms() - self._since) // DRAIN_MS, 0)


class SimNetwork(Network):
    """The computer's own network."""

    def __init__(self, seed):
        self._rssi = -50 - seed % 20

    async def ready(self):
        """There always is one."""

    def rssi(self):
        """A signal strength that depends on the seed."""
        return self._rssi

    def ip(self):
        """Where a simulation lives."""
        return "127.0.0.1"
