"""What of a simulated collar is not its board: sim.json and the traces of its dispenser."""

from app import files
from board.ports import Dispenser

HOME = {"ssid": "Home", "password": "garden-gate"}
DEFAULTS = {
    "interval_s": None,
    "motor_ms": 800,
    "outcome": "dispensed",
    "answer": True,
    "die": None,
    "treats": None,
    "battery": 87.5,
    "charging": False,
    "feel_ms": None,
    "seed": 1,
    "log": False,
    "camera": True,
    "dispenser": True,
    "board": None,
    "film": None,
    "clock": "set",
    "air": None,
    "known": [HOME],
    "setup_port": 0,
    "setup_ms": 600_000,
    "keep_alive_s": None,
}
FULL = 50
# So long the simulated wheel turns in vain before the container counts as empty.
EMPTY_AFTER_MS = 600


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
    """The board's driver with its turns written to motor.log. Without `treats` the container never runs out."""

    def __init__(self, folder, options, driver, board):
        self._log = folder + "/motor.log"
        self._options, self._driver, self._board = options, driver, board
        self.ledger = None

    async def turn(self, id, portion):
        """Let the driver turn the wheel."""
        self._options.read()
        self._board.asked = portion
        self._driver.turn_ms = max(self._options["motor_ms"], EMPTY_AFTER_MS)
        if self.ledger.left < portion:
            if self._options["treats"] is None:
                self.ledger.refill(FULL)
            else:
                self._board.asked = self.ledger.left
        result = await self._driver.turn(id, portion)
        with open(self._log, "a") as file:
            file.write("%s %d\n" % (id, portion))
        return result
