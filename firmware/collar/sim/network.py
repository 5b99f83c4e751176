"""MicroPython's `network` as the ESP32 has it, in a simulated air: `use(air)` before an interface is made.

The air is a dict {name: (key, dBm)}; what is taken out of it is out of reach.
"""

import time

JOIN_MS = 20
_air = {}


def use(air):
    """What is made from now on is in that air."""
    global _air
    _air = air


class WLAN:
    """Either interface. Names and numbers are those of MicroPython's ESP32 port."""

    IF_STA, IF_AP = 0, 1
    PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0, 1, 2
    STAT_BEACON_TIMEOUT, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 200, 201, 202
    STAT_ASSOC_FAIL, STAT_HANDSHAKE_TIMEOUT = 203, 204
    STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010

    def __init__(self, interface):
        self._air = _air
        self._active = False
        self._wanted = self._since = None
        self.settings = {}

    def active(self, on=None):
        """Switch it, or tell whether it is on."""
        if on is None:
            return self._active
        self._active = on

    def config(self, **settings):
        """Take settings over."""
        self._must_be_active()
        self.settings.update(settings)

    def scan(self):
        """(name, bssid, channel, dBm, security, hidden) of each access point."""
        self._must_be_active()
        return [(name.encode(), b"\0" * 6, 6, rssi, 3, False) for name, (_, rssi) in self._air.items()]

    def connect(self, name, key=None):
        """Begin to join."""
        self._must_be_active()
        self._wanted, self._since = (name, key or ""), time.ticks_ms()

    def disconnect(self):
        """Leave."""
        self._wanted = None

    def status(self, what=None):
        """One of the STAT_ numbers, or dBm for "rssi"."""
        if what == "rssi":
            return self._air[self._wanted[0]][1]
        if self._wanted is None:
            return self.STAT_IDLE
        if time.ticks_diff(time.ticks_ms(), self._since) < JOIN_MS:
            return self.STAT_CONNECTING
        name, key = self._wanted
        if name not in self._air:
            return self.STAT_NO_AP_FOUND
        return self.STAT_GOT_IP if self._air[name][0] == key else self.STAT_WRONG_PASSWORD

    def isconnected(self):
        """Joined, with an address."""
        return self._active and self.status() == self.STAT_GOT_IP

    def ipconfig(self, what):
        """Where a simulation lives."""
        return ("127.0.0.1", "255.0.0.0")

    def _must_be_active(self):
        if not self._active:
            raise OSError("Wifi Not Started")
