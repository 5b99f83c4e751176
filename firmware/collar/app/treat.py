"""Treats: the id is in flash before the motor turns, so no command turns it twice."""

import json

from app import files

REMEMBERED = 32
PORTIONS = (1, 5)


class Treats:
    """The memory of the last commands: [id, result or None while unknown, whether the broker has the result]."""

    def __init__(self, root, dispenser):
        self._path = root + "/treats.json"
        self._dispenser = dispenser
        kept = files.read_json(self._path, {})
        self._known = kept.get("known", [])
        self.left = kept.get("left", dispenser.full)
        for entry in self._known:
            if entry[1] is None:  # the power went while the motor turned: nobody saw a treat drop
                entry[1] = "failed"

    def known(self, treat_id):
        """The result of a command that was seen before; None for a new one."""
        for entry in self._known:
            if entry[0] == treat_id:
                return entry[1]
        return None

    async def dispense(self, order, now_ms):
        """Obey a new command: turn the motor unless it is too late. Returns the result."""
        if now_ms is None or not is_order(order):
            return self._note(order["id"], "failed")
        if now_ms > order["exp"]:
            return self._note(order["id"], "expired")
        self._note(order["id"], None)
        result = await self._dispenser.turn(order["id"], order["portion"])
        if result == "dispensed":
            self.left = max(0, self.left - order["portion"])
        return self._note(order["id"], result)

    def unconfirmed(self):
        """(id, result) of what the broker has not acknowledged."""
        return [(entry[0], entry[1]) for entry in self._known if entry[1] is not None and not entry[2]]

    def confirm(self, treat_id):
        """The broker has the result."""
        for entry in self._known:
            if entry[0] == treat_id and not entry[2]:
                entry[2] = True
                self._save()

    def _note(self, treat_id, result):
        others = [entry for entry in self._known if entry[0] != treat_id]
        self._known = others[-(REMEMBERED - 1) :] + [[treat_id, result, False]]
        self._save()
        return result

    def _save(self):
        files.write(self._path, json.dumps({"known": self._known, "left": self.left}))


def is_order(order):
    """Whether a cmd/treat makes sense."""
    portion, exp = order.get("portion", 1), order.get("exp")
    return isinstance(portion, int) and PORTIONS[0] <= portion <= PORTIONS[1] and isinstance(exp, int)
