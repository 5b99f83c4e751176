"""The two places for a program in flash: one runs, the other takes the next. boot/main.py chooses at each start."""

from app import files

RECORD = "/slots.json"


class Slots:
    """`slot` (a or b) runs, on `trial` until `confirm()`."""

    def __init__(self, root, slot, trial):
        self._root = root
        self.slot, self.trial = slot, trial
        self.other = root + ("/b" if slot == "a" else "/a")
        manifest = files.read_json(root + "/" + slot + "/manifest.json") or {}
        self.version, self.board = manifest.get("version", ""), manifest.get("board", "")

    def try_other(self):
        """Have the other slot started next, on trial."""
        trial = self.other[-1]
        files.write_json(self._root + RECORD, {"slot": self.slot, "trial": trial, "tries": 0})

    def confirm(self):
        """The running program has proved itself."""
        files.write_json(self._root + RECORD, {"slot": self.slot})
        self.trial = False

    def room(self):
        """Bytes that are free in flash."""
        found = files.os.statvfs(self._root or "/")
        return found[0] * found[3]
