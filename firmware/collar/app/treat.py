"""Treats: each command turns the motor at most once, whatever breaks in between.

treats.json holds the last 32 commands: id, result (None from the moment before the motor turns until it has
turned), when, and whether the broker has the result. After a power cut in between nobody knows whether food
fell; such a command is answered `failed` and its motor never turns again.
"""

import asyncio

from app import files

KEEP = 32
# More than this at once is not an owner's doing.
WAITING = 4
PORTIONS = (1, 5)
LONGEST_ID = 64
# A broker that dies may lose what it confirmed, so results this young are repeated on each connection.
REPEAT_MS = 120_000
RESULTS = ("dispensed", "jammed", "empty")


def valid_id(value):
    """True for what may be a command's id: it is said back, so it must be text that every reader takes."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and all(" " < char <= "~" for char in value)


class Entry:
    """One command that was taken on."""

    def __init__(self, id, result=None, at=0, confirmed=False):
        self.id = id
        self.result = result
        self.at = at
        self.confirmed = confirmed


class Ledger:
    """The last commands and the number of treats left, in flash."""

    def __init__(self, folder, treats, clock):
        self._path = folder + "/treats.json"
        self._clock = clock
        kept = files.read_json(self._path) or {}
        self.left = kept["left"] if isinstance(kept.get("left"), int) else treats
        self._entries = []
        try:
            self._entries = [Entry(*entry) for entry in kept.get("done", [])]
        except TypeError:
            pass
        for entry in self._entries:
            if entry.result is None:
                entry.result = "failed"

    def find(self, id):
        """The entry of a command, or None if it is new."""
        for entry in self._entries:
            if entry.id == id:
                return entry
        return None

    def note(self, id):
        """Take a command on: it is in flash when this returns. Raises OSError if it is not."""
        entry = Entry(id)
        before = self._entries
        self._entries = before[1 - KEEP :] + [entry]
        try:
            self._write()
        except OSError:
            self._entries = before
            raise
        return entry

    def settle(self, entry, result, portion=0):
        """Write a command's result down."""
        entry.result = result
        entry.at = self._clock.now_ms() or 0
        if result == "dispensed":
            self.left = max(self.left - portion, 0)
        elif result == "empty":
            self.left = 0
        self._write()

    def confirm(self, entry):
        """Somebody has heard the result. True if that is news."""
        if entry.confirmed:
            return False
        entry.confirmed = True
        self._write()
        return True

    def unheard(self):
        """Results that the broker has for nobody yet."""
        return [entry for entry in self._entries if entry.result and not entry.confirmed]

    def doubtful(self):
        """Results that the server may not have, after a connection broke."""
        now = self._clock.now_ms() or 0
        return [e for e in self._entries if e.result and (not e.confirmed or abs(now - e.at) < REPEAT_MS)]

    def refill(self, treats):
        """The container was filled."""
        self.left = treats
        self._write()

    def _write(self):
        done = [[e.id, e.result, e.at, e.confirmed] for e in self._entries]
        files.write_json(self._path, {"left": self.left, "done": done})


class Treats:
    """Takes commands, one motor turn after the other. `answer(id, result, entry)` tells the server."""

    def __init__(self, ledger, dispenser, clock, answer, log):
        self.ledger = ledger
        self._dispenser = dispenser
        self._clock = clock
        self._answer = answer
        self._log = log
        self._motor = asyncio.Lock()
        self._waiting = 0

    async def command(self, told):
        """Obey one cmd/treat message."""
        id, portion, exp = told.get("id"), told.get("portion", 1), told.get("exp")
        if not valid_id(id):
            return self._log("treat_ignored", reason="no id")
        entry = self.ledger.find(id)
        if entry:
            return await self._repeat(entry)
        if (
            self._dispenser is None
            or not isinstance(portion, int)
            or not PORTIONS[0] <= portion <= PORTIONS[1]
            or not isinstance(exp, int)
        ):
            self._log("treat_unsupported", id=id)
            return await self._answer(id, "unsupported", None)
        try:
            entry = self.ledger.note(id)
        except OSError as error:  # What cannot be noted must not turn: a repeat would turn again.
            self._log("flash_failed", error=error)
            return await self._answer(id, "failed", None)
        refusal = "failed" if self._waiting >= WAITING else self._refusal(exp)
        if refusal:
            return await self._settle(entry, refusal)
        self._waiting += 1
        self._log("treat_taken", id=id, portion=portion)
        try:
            await self._answer(id, "accepted", None)
            async with self._motor:
                await self._settle(entry, self._refusal(exp) or await self._turn(id, portion), portion)
        finally:
            self._waiting -= 1

    def _refusal(self, exp):
        """Why the motor must not turn now, as a result, or None."""
        now = self._clock.now_ms()
        if now is None:
            return "failed"
        return "expired" if now > exp else None

    async def _turn(self, id, portion):
        result = await self._dispenser.turn(id, portion)
        return result if result in RESULTS else "failed"

    async def _settle(self, entry, result, portion=0):
        try:
            self.ledger.settle(entry, result, portion)
        except OSError as error:
            self._log("flash_failed", error=error)
        self._log("treat", id=entry.id, result=result, portion=portion, left=self.ledger.left)
        await self._answer(entry.id, result, entry)

    async def _repeat(self, entry):
        """The same command again: the motor rests, the result is told again once there is one."""
        self._log("treat_again", id=entry.id, result=entry.result or "pending")
        if entry.result:
            await self._answer(entry.id, entry.result, entry)

    async def repeat_results(self):
        """After a reconnect: tell the results that may have been lost."""
        for entry in self.ledger.doubtful():
            await self._answer(entry.id, entry.result, entry)
