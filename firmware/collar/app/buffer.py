"""Telemetry that does not get lost: samples in flash until the server says that it has them.

`open.log` holds samples, a line each, that are in no batch yet. A batch is a file of its own, written once and
sent as it is, again and again, until `cmd/ack` names it. A cut between the two leaves a sample in both, which
costs a repeat and nothing else: a sample's identity is fixed when it is made.
"""

import json
import os

from app import files

BATCH_MOST = 100
BYTES_MOST = 15_000  # of the 16 KiB that a message may have
BATCHES_MOST = 2000


class Buffer:
    """The store of one collar below `root`; `boot` names this run."""

    def __init__(self, root, boot):
        self._folder = root + "/telemetry"
        files.make_folder(self._folder)
        self._open = self._folder + "/open.log"
        self.boot = boot
        self._next_batch = 0
        self._lines = self._read_open()
        self._batches = sorted(name for name in os.listdir(self._folder) if name.endswith(".json"))
        while self._lines:  # of the run before: they go under its name
            self.close_batch()

    def add(self, sample):
        """Keep a sample: {"seq", "ts", ...}. It is in flash when this returns."""
        line = json.dumps([self.boot, sample])
        with open(self._open, "a") as file:
            file.write(line + "\n")
        self._lines.append(line)

    def close_batch(self):
        """Make a batch of the oldest loose samples, if there are any. Returns its name or None."""
        if not self._lines:
            return None
        boot, taken = json.loads(self._lines[0])[0], []
        size = 100
        for line in self._lines[:BATCH_MOST]:
            size += len(line)
            if json.loads(line)[0] != boot or size > BYTES_MOST:
                break
            taken.append(json.loads(line)[1])
        name = self._write_batch(boot, taken)
        self._lines = self._lines[len(taken) :]
        files.write(self._open, "".join(line + "\n" for line in self._lines))
        return name

    def batches(self):
        """Names of the batches that wait, oldest first."""
        return list(self._batches)

    def read(self, name):
        """The message of a batch, as bytes."""
        with open(self._folder + "/" + name, "rb") as file:
            return file.read()

    def delete(self, boot, batch):
        """The server has it. Returns the name, or None when it is none of ours (any more)."""
        for name in self._batches:
            if name.endswith("-%s-%d.json" % (boot, batch)):
                self._batches.remove(name)
                files.remove(self._folder + "/" + name)
                return name
        return None

    def _write_batch(self, boot, samples):
        number = self._number(boot)
        message = {"v": 1, "boot": boot, "batch": number, "ack": True, "samples": samples}
        name = "%013d-%s-%d.json" % (samples[0]["ts"], boot, number)
        files.write(self._folder + "/" + name, json.dumps(message))
        self._batches.append(name)
        if len(self._batches) > BATCHES_MOST:
            files.remove(self._folder + "/" + self._batches.pop(0))
        return name

    def _number(self, boot):
        """The next batch number; a late batch of an older run must not take one that was used."""
        if boot == self.boot:
            self._next_batch += 1
            return self._next_batch
        used = [int(name[:-5].split("-")[2]) for name in self._batches if name.split("-")[1] == boot]
        return max(used, default=0) + 1_000_000

    def _read_open(self):
        try:
            with open(self._open) as file:
                lines = file.read().split("\n")
        except OSError:
            return []
        return [line for line in lines if _is_whole(line)]


def _is_whole(line):
    """A power cut may leave half a line at the end; it was never sent."""
    try:
        return len(json.loads(line)) == 2
    except (ValueError, TypeError):
        return False
