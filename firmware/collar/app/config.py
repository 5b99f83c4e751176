"""What the collar is told to do: kept in flash, taken over when it is newer and makes sense."""

from app import files

RANGES = {"telemetry_interval_s": (1, 3600)}
CAMERAS = ("off", "on_demand")


class Config:
    """Version and settings; `apply` says whether anything changed."""

    def __init__(self, root, first):
        self._path = root + "/config.json"
        self.version = 0
        self.telemetry_interval_s = 60
        self.camera = "on_demand"
        self.time_zone = "UTC"
        self._take(first)
        self._take(files.read_json(self._path, {}))

    def apply(self, told):
        """Take over a cmd/config message if it is valid and of another version."""
        version = told.get("version")
        if not isinstance(version, int) or version == self.version or not self._is_valid(told):
            return False
        self._take(told)
        files.write(self._path, self._text())
        return True

    def _is_valid(self, told):
        for name, (low, high) in RANGES.items():
            value = told.get(name, low)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                return False
        return told.get("camera", "off") in CAMERAS

    def _take(self, told):
        self.version = told.get("version", self.version)
        self.telemetry_interval_s = told.get("telemetry_interval_s", self.telemetry_interval_s)
        self.camera = told.get("camera", self.camera)
        self.time_zone = told.get("time_zone", self.time_zone)

    def _text(self):
        import json

        names = ("version", "telemetry_interval_s", "camera", "time_zone")
        return json.dumps({name: getattr(self, name) for name in names})
