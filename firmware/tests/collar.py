"""One simulated collar: its flash folder and its process."""

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

from firmware.simulation import collar_command, collar_env
from firmware.tests.broker import PASSWORD, Broker, ca_base64, wait_until


class Collar:
    """A flash folder, and the process that runs the program on it. `more` goes to device.json."""

    def __init__(
        self, folder: Path, broker: Broker, authority: Path, more: dict[str, Any] | None = None, **options: Any
    ) -> None:
        self.id = str(uuid.uuid4())
        self.flash = self._lay_out(folder / self.id)
        self.flash.mkdir(parents=True)
        login = {"username": self.id, "password": PASSWORD, "client_id": self.id}
        config = {"telemetry_interval_s": 60, "camera": "on_demand", "time_zone": "Europe/Berlin"}
        device = {
            "v": 1,
            "id": self.id,
            "name": "Test",
            "mqtt": {"host": "localhost", "port": broker.port, **login},
            "ca": ca_base64(authority),
            "config": config,
            **(more or {}),
        }
        (self.flash / "device.json").write_text(json.dumps(device))
        self.options(**options)
        self.process: subprocess.Popen[bytes] | None = None
        broker.add(self.id)

    def _lay_out(self, place: Path) -> Path:
        """Where its own files lie."""
        return place

    def _command(self, heap: str | None) -> list[str]:
        return collar_command([self.flash], heap)

    def options(self, **options: Any) -> None:
        """Write sim.json: a fast collar, unless told otherwise."""
        values = {"interval_s": 0.2, "motor_ms": 50, "log": True, **options}
        whole = self.flash / "sim.json.new"
        whole.write_text(json.dumps(values))
        whole.rename(self.flash / "sim.json")

    def start(self, heap: str | None = None) -> None:
        """Start the process; its log goes to console.log."""
        command = self._command(heap)
        with (self.flash / "console.log").open("a") as console:
            self.process = subprocess.Popen(command, env=collar_env(), stdout=console, stderr=console)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process:
            self.process.kill()
            self.process.wait()

    @property
    def online(self) -> bool:
        """Does it say that it is connected?"""
        return (self.flash / "online").exists()

    def wait_online(self) -> None:
        """Wait for that."""
        wait_until(lambda: self.online, "online")

    def console(self) -> str:
        """Its log so far."""
        path = self.flash / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def lines(self, name: str) -> list[str]:
        """The lines of one of its files."""
        path = self.flash / name
        return path.read_text().splitlines() if path.exists() else []

    def kept(self) -> list[str]:
        """The batches in its flash."""
        outbox = self.flash / "outbox"
        return sorted(path.name for path in outbox.iterdir()) if outbox.exists() else []
