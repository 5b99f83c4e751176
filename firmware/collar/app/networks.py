"""The Wi-Fi networks that the collar knows, the newest first. Keys are never printed."""

from app import files

MOST = 8
# IEEE 802.11: a name has 32 bytes at most; a WPA2 passphrase 8 to 63 characters.
LONGEST_NAME, KEY = 32, (8, 63)


class BadNetwork(ValueError):
    """A name or a key that no network has; says why."""


def checked(name, key):
    """(name, key) as text, the key empty for an open network. Raises BadNetwork."""
    if not isinstance(name, str) or not 0 < len(name.encode()) <= LONGEST_NAME:
        raise BadNetwork("A network's name has 1 to 32 bytes.")
    if not isinstance(key, str) or key and not KEY[0] <= len(key.encode()) <= KEY[1]:
        raise BadNetwork("A password has 8 to 63 characters.")
    return name, key


class Networks:
    """wifi.json; `first` are those of device.json, known until the owner has named another."""

    def __init__(self, folder, first):
        self._path = folder + "/wifi.json"
        self.known = []
        for one in (files.read_json(self._path) or {}).get("networks") or first:
            try:
                self.known.append(checked(one["ssid"], one["password"]))
            except (BadNetwork, KeyError, TypeError):
                continue

    def add(self, name, key):
        """Know one more, or its new key; the oldest beyond MOST is forgotten. Raises BadNetwork, OSError."""
        new = checked(name, key)
        known = [new] + [one for one in self.known if one[0] != name][: MOST - 1]
        files.write_json(self._path, {"networks": [{"ssid": name, "password": key} for name, key in known]})
        self.known = known
