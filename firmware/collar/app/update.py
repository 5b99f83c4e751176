"""Brings a new program into the other slot, piece by piece, and proves it: docs/protocol.md, Updates.

What is done so far is in update.json and in the slot itself, so a power cut costs the piece that was under way.
A program is bootable only when its manifest lies beside it, which is written last.
"""

import asyncio
import binascii
import hashlib

from app import files, mqtt, net
from app.backoff import Backoff
from app.https import Https, Refused
from app.manifest import BadRelease, check_fit, parsed
from app.treat import valid_id

PIECE = 8_192
PAST_THE_END = "416"
NO_SPACE = 28  # errno of a full flash; MicroPython's errno has no name for it
LARGEST_MANIFEST = 32_768
SIGNATURE = 256
# Room beside the program for samples that wait.
SPARE_BYTES = 65_536
LOOK_MS = 1_000
# So many connections may break in a row before an update is given up.
TRIES = 8
# A new program that has not reached the server by then is started anew, or given up by the loader.
PROVE_MS = 600_000
OPEN = ("waiting", "downloading")


class Update:
    """Takes cmd/update. `collar` lends its device, power and log; `tell(update)` and `restart()` are its acts."""

    def __init__(self, folder, slots, collar, tell, restart):
        self._path = folder + "/update.json"
        self._slots, self._collar, self._tell, self._restart = slots, collar, tell, restart
        self._now = files.read_json(self._path) or {}
        self._busy = False

    def command(self, told):
        """Obey one command. Returns what is to be awaited beside everything else, or None."""
        job = told.get("job")
        if not valid_id(job) or told.get("action") not in ("install", "cancel"):
            return self._collar.log("update_ignored")
        if self._slots is None:
            return self._tell({"job": job, "state": "failed", "reason": "unsupported"})
        if told["action"] == "cancel":
            return self._cancel(job)
        if job == self._now.get("job") and self._now["state"] != "cancelled":
            return self.go_on()
        if self._now.get("state") == "installed" or self._slots.trial:
            return self._collar.log("update_ignored")
        wanted = {key: told.get(key) for key in ("job", "version", "host", "port", "path")}
        if not all(isinstance(wanted[key], str) for key in ("version", "host", "path")) or not isinstance(
            wanted["port"], int
        ):
            return self._tell({"job": job, "state": "failed", "reason": "bad_command"})
        self._note(wanted, "waiting")
        return self.go_on()

    def _cancel(self, job):
        if self._wanted(job):
            self._note(self._now, "cancelled")

    async def go_on(self):
        """Do what is left of the job, and say how it stands; also after each connect."""
        state = self._now.get("state")
        if state in OPEN:
            await self._install()
        elif state == "installed":
            proved = self._slots.version == self._now["version"]
            await self._finish("confirmed" if proved else "rolled_back", None if proved else "not_confirmed")
        elif state is not None and state != "cancelled":
            await self._say()

    def prove(self):
        """The server was reached: a program on trial stays."""
        if self._slots and self._slots.trial:
            self._slots.confirm()
            self._collar.log("update_proved", version=self._slots.version)

    async def give_up_unproved(self):
        """Start anew when the server was not reached for long; without a trial this never returns."""
        while not (self._slots and self._slots.trial):
            await asyncio.sleep_ms(PROVE_MS)
        await asyncio.sleep_ms(PROVE_MS)
        if self._slots.trial:
            self._restart()

    # Telling.

    def _note(self, job, state, reason=None):
        self._now = dict(job)
        self._now["state"], self._now["reason"] = state, reason
        files.write_json(self._path, self._now)
        self._collar.log("update", job=job["job"], state=state, reason=reason)

    async def _finish(self, state, reason=None):
        self._note(self._now, state, reason)
        await self._say()

    async def _say(self):
        told = {"job": self._now["job"], "state": self._now["state"], "version": self._now["version"]}
        if self._now.get("reason"):
            told["reason"] = self._now["reason"]
        await self._tell(told)

    # Installing.

    async def _install(self):
        """One job after the other, should another come meanwhile."""
        if self._busy:
            return
        self._busy = True
        try:
            while self._now["state"] in OPEN:
                job = self._now["job"]
                reason = await self._attempt(job)
                if reason and self._wanted(job):
                    await self._finish("failed", reason)
        finally:
            self._busy = False

    async def _attempt(self, job):
        """Why the job failed, as a word; None when it was installed, or is not wanted any more."""
        backoff = Backoff()
        for _ in range(TRIES):
            try:
                return await self._try(job)
            except BadRelease as bad:
                return str(bad)
            except Refused as refused:
                if not str(refused).startswith("5"):
                    return "refused_%s" % refused
                self._collar.log("update_broke_off", reason=str(refused))
            except net.ERRORS as error:
                if getattr(error, "errno", None) == NO_SPACE:
                    return "no_space"
                self._collar.log("update_broke_off", reason=mqtt.describe(error))
            await asyncio.sleep_ms(backoff.next_ms())
        return "download_failed"

    async def _try(self, job):
        """One connection's worth. Raises BadRelease, Refused and net.ERRORS; what it got stays."""
        await self._until_allowed(job)
        if not self._wanted(job):
            return
        if self._now["state"] != "downloading":
            await self._finish("downloading")
        source = Https(self._now["host"], self._now["port"], self._collar.device.ca)
        try:
            text, manifest = await self._manifest(source)
            offset = 0
            for one in manifest["files"]:
                if not self._wanted(job):
                    return
                await self._fetch(source, one, offset)
                offset += one["size"]
        finally:
            source.close()
        await self._until_allowed(job)
        if self._wanted(job):
            await self._switch(text)

    def _wanted(self, job):
        return self._now.get("job") == job and self._now["state"] in OPEN

    async def _until_allowed(self, job):
        """Wait for a battery that lasts and an animal at rest; say once what is waited for."""
        said = None
        while self._wanted(job) and (reason := self._collar.power.no_update_because()):
            if reason != said:
                said = reason
                await self._tell({"job": job, "state": "waiting", "reason": reason})
            await asyncio.sleep_ms(LOOK_MS)

    async def _manifest(self, source):
        """(its text, its meaning), and a slot that holds nothing but parts of it. Raises BadRelease."""
        path = self._now["path"]
        text = await source.get(path + "/manifest", 0, LARGEST_MANIFEST)
        signature = await source.get(path + "/signature", 0, SIGNATURE)
        manifest = parsed(text, signature, self._collar.device.release_keys)
        if manifest["version"] != self._now["version"]:
            raise BadRelease("other_version")
        check_fit(manifest, self._slots.board, self._slots.version)
        if sum(one["size"] for one in manifest["files"]) + SPARE_BYTES > self._slots.room():
            raise BadRelease("no_space")
        if not self._is_there(text):
            self._sweep(manifest)
        return text, manifest

    def _is_there(self, text):
        """True if this very program lies in the other slot: the power went before the switch."""
        try:
            with open(self._slots.other + "/manifest.json", "rb") as file:
                return file.read() == text
        except OSError:
            return False

    def _sweep(self, manifest):
        """Take away what belongs to another program; the other slot is none from here on."""
        files.remove(self._slots.other + "/manifest.json")
        files.make_folder(self._slots.other)
        kept = [one["path"] for one in manifest["files"]]
        for folder in ("app", "board"):
            files.make_folder(self._slots.other + "/" + folder)
            for name in files.os.listdir(self._slots.other + "/" + folder):
                if folder + "/" + name not in kept:
                    files.remove(self._slots.other + "/" + folder + "/" + name)

    async def _fetch(self, source, one, offset):
        """One file, from where it broke off. Raises BadRelease if it is not what the manifest says."""
        path, size = self._slots.other + "/" + one["path"], one["size"]
        at = files.size(path)
        if at >= size and not _is_same(path, one):
            files.remove(path)
            at = 0
        while at < size:
            try:
                piece = await source.get(self._now["path"] + "/program", offset + at, min(PIECE, size - at))
            except Refused as refused:
                raise BadRelease("truncated") if str(refused) == PAST_THE_END else refused
            files.append(path, piece)
            at += len(piece)
        if size == 0:
            files.append(path, b"")
        if not _is_same(path, one):
            files.remove(path)
            raise BadRelease("changed_file")

    async def _switch(self, text):
        if not self._is_there(text):
            files.write(self._slots.other + "/manifest.json", text)
        self._note(self._now, "installed")
        self._slots.try_other()
        await self._say()
        self._restart()


def _is_same(path, one):
    digest, buffer = hashlib.sha256(), bytearray(1_024)
    try:
        with open(path, "rb") as file:
            while count := file.readinto(buffer):
                digest.update(memoryview(buffer)[:count])
    except OSError:
        return False
    return binascii.hexlify(digest.digest()).decode() == one["sha256"]
