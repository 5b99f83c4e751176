"""Who this collar is (device.json, written once) and what it is told to do (config.json, from cmd/config)."""

import binascii

from app import files, roots
from app.clock import FLOOR_MS

INTERVAL_S = (1, 3600)
CAMERA = ("off", "on_demand")
LONGEST_ZONE = 64
FLOOR_S = FLOOR_MS // 1000


class BadConfig(ValueError):
    """Something is missing or out of range; says which."""


class Device:
    """device.json: identity, broker, the CAs to trust. Never printed."""

    def __init__(self, folder):
        found = files.read_json(folder + "/device.json")
        if found is None:
            raise BadConfig("%s: device.json is missing or not JSON" % folder)
        try:
            broker = found["mqtt"]
            self.id = found["id"]
            self.host, self.port = broker["host"], broker["port"]
            self.username, self.password = broker["username"], broker["password"]
            self.client_id = broker.get("client_id") or self.id
            self.ca = binascii.a2b_base64(found["ca"]) + roots.MORE
            self.config = found.get("config") or {}
            # Wi-Fi that is known from the start, the access point for set-up (name, key), and no clock before this.
            self.networks = found.get("wifi") or []
            point = found.get("setup") or {}
            self.access_point = point.get("ssid") or "Hetri-" + self.id[-4:], point.get("password") or ""
            self.made = max(found.get("made") or 0, FLOOR_S)
            # Who may sign programs: moduli of RSA-2048 keys, in hex.
            self.release_keys = [int(key, 16) for key in found.get("release_keys") or ()]
            if not isinstance(self.host, str) or not isinstance(self.port, int):
                raise ValueError("host, port")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BadConfig("%s: device.json: %s" % (folder, error))


def checked(told, current):
    """A whole configuration: `told` over `current`. Raises BadConfig on any value out of its range."""
    version = told.get("version", current["version"])
    interval = told.get("telemetry_interval_s", current["telemetry_interval_s"])
    camera = told.get("camera", current["camera"])
    zone = told.get("time_zone", current["time_zone"])
    if not isinstance(version, int) or version < 0:
        raise BadConfig("version")
    if not isinstance(interval, int) or not INTERVAL_S[0] <= interval <= INTERVAL_S[1]:
        raise BadConfig("telemetry_interval_s")
    if camera not in CAMERA:
        raise BadConfig("camera")
    if not isinstance(zone, str) or not 0 < len(zone) <= LONGEST_ZONE:
        raise BadConfig("time_zone")
    return {"version": version, "telemetry_interval_s": interval, "camera": camera, "time_zone": zone}


class Config:
    """The configuration in force, kept in flash."""

    def __init__(self, folder, first):
        self._path = folder + "/config.json"
        default = {"version": 0, "telemetry_interval_s": 60, "camera": "on_demand", "time_zone": "UTC"}
        self.now = default
        for found in (files.read_json(self._path), first):
            try:
                if found:
                    self.now = checked(found, default)
                    break
            except BadConfig:
                continue

    @property
    def interval_ms(self):
        """Time between two samples."""
        return self.now["telemetry_interval_s"] * 1000

    def apply(self, told):
        """Take a configuration over. True if it is news; a wrong one raises BadConfig and changes nothing."""
        if "version" not in told:
            raise BadConfig("version")
        new = checked(told, self.now)
        if new == self.now:
            return False
        files.write_json(self._path, new)
        self.now = new
        return True
