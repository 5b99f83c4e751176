"""The way into the air: the strongest network that the collar knows, again and again; set-up when it knows none."""

import asyncio
import time

from app.backoff import Backoff
from board.ports import Network

JOIN_MS, LOOK_MS = 15_000, 50
WAIT_FOR_OWNER_MS = 1_000


class Wifi(Network):
    """`network` is MicroPython's module, `setup` an app.setup.Setup for the same `networks`."""

    def __init__(self, network, networks, setup, log):
        self._api, self._networks, self.setup, self._log = network.WLAN, networks, setup, log
        self._station = network.WLAN(network.WLAN.IF_STA)
        self._wish = asyncio.Event()
        self._offered = False

    def wish_setup(self):
        """Somebody holds the button: open the set-up page."""
        self._wish.set()

    async def run(self):
        """Open the set-up page whenever it is wished for."""
        while True:
            await self._wish.wait()
            self._station.active(True)
            self._station.disconnect()
            await self.setup.run(self.seen)
            self._wish.clear()

    async def ready(self):
        """Return once the collar has joined a network."""
        backoff = Backoff()
        while not self._station.isconnected():
            if not self._networks.known and not self._offered:
                self._offered = True
                self._wish.set()
            if self._wish.is_set() or not self._networks.known:
                await asyncio.sleep_ms(WAIT_FOR_OWNER_MS)
            elif not await self._join_any() and not self._wish.is_set():
                await asyncio.sleep_ms(backoff.next_ms())

    def seen(self):
        """{name: dBm} of the networks in reach, each by its strongest access point. Takes up to 2 s."""
        found = {}
        try:
            for name, _, _, rssi, _, _ in self._station.scan():
                name = _text(name)
                if name:
                    found[name] = max(rssi, found.get(name, rssi))
        except OSError as error:  # the radio is busy
            self._log("scan_failed", error=error)
        return found

    async def _join_any(self):
        """Try the known ones, strongest first, then those that did not show: they may be hidden."""
        self._station.active(True)
        self._station.config(pm=self._api.PM_POWERSAVE)
        seen = self.seen()
        known = sorted(self._networks.known, key=lambda one: -seen.get(one[0], -200))
        for name, key in known:
            if self._wish.is_set():
                return False
            trouble = await self._join(name, key)
            if trouble is None:
                self._log("wifi", name=name, rssi=self.rssi())
                return True
            self._log("wifi_failed", name=name, reason=trouble)
            self._station.disconnect()
            if trouble == "wrong_password" and name == self.setup.saved:
                self.setup.saved, self.setup.problem = None, "The password of %s was refused." % name
                self._wish.set()
        return False

    async def _join(self, name, key):
        """None once joined, else the reason."""
        refused = {
            self._api.STAT_WRONG_PASSWORD: "wrong_password",
            self._api.STAT_HANDSHAKE_TIMEOUT: "wrong_password",
            self._api.STAT_NO_AP_FOUND: "not_found",
            self._api.STAT_ASSOC_FAIL: "refused",
        }
        try:
            self._station.connect(name, key or None)
            until = time.ticks_add(time.ticks_ms(), JOIN_MS)
            while time.ticks_diff(until, time.ticks_ms()) > 0:
                await asyncio.sleep_ms(LOOK_MS)
                if self._station.isconnected():
                    return None
                if self._station.status() in refused:
                    return refused[self._station.status()]
        except OSError as error:
            return str(error)
        return "timeout"

    def in_setup(self):
        """Whether the set-up page is open."""
        return self.setup.is_open

    def rssi(self):
        """Signal strength in dBm; 0 without a network."""
        return self._station.status("rssi") if self._station.isconnected() else 0

    def ip(self):
        """Own address as text."""
        return self._station.ipconfig("addr4")[0]


def _text(name):
    """A network's name; None if it is hidden or no UTF-8."""
    try:
        return name.decode() or None
    except ValueError:
        return None
