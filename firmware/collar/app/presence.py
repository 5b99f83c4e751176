"""What the collar says about itself on its status topic, retained, and its last will."""

import asyncio

from app import mqtt

OFFLINE = {"v": 1, "online": False}
# Tenths of a percent of battery.
WORTH_SAYING = 10


class Presence:
    """Says the current state; `changed` asks for it to be said again."""

    def __init__(self, collar):
        self._collar = collar
        self._battery = None
        self.changed = asyncio.Event()

    def watch_battery(self, level):
        """Have presence said again when the battery has moved by a percent. `level` is in tenths of one."""
        if self._battery is not None and abs(level - self._battery) >= WORTH_SAYING:
            self.changed.set()

    def state(self):
        """The message as a dict."""
        collar = self._collar
        ports = collar.ports
        self._battery = ports.battery.level()
        state = {
            "v": 1,
            "online": True,
            "boot": collar.boot,
            "firmware": collar.firmware,
            "battery_level": self._battery / 10,
            "rssi": ports.network.rssi(),
            "streaming": collar.video.streaming,
            "config_version": collar.config.now["version"],
            "ip": ports.network.ip(),
            "hardware": {
                "board": ports.board,
                "camera": ports.camera is not None,
                "dispenser": ports.dispenser is not None,
            },
        }
        if ports.dispenser:
            state["treats_left"] = collar.treats.ledger.left
        return state

    async def say(self):
        """Publish it. True once the broker has it."""
        reason = await self._collar.link.tell(self.state(), retain=True)
        return reason is not None and reason < mqtt.REFUSED
