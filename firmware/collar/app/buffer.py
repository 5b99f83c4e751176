"""Samples in flash from the moment they are made until the server says that it has them.

One file is one batch: `<order>-<boot>-<batch>`, a line a sample, each with its CRC-32 in front. The newest
file is open: samples are added to it until it is sealed, which happens before it is first sent and at each
boot. So a batch that was sent once never changes, and its boot and number are in its name. A power cut can
only spoil the last line of the open file, whose sample was then never sent.
"""

import binascii
import os

from app import files

# What fits a message of 16 KiB with its envelope.
BATCH_BYTES = 15_900
BATCH_SAMPLES = 100
# Batches on their way at once; while that many wait for their answer, new samples gather in the open one.
WINDOW = 4
RETRY_MS = 10_000
# The broker said that nobody listens (0x10), or that it may not: the server may be just starting.
UNHEARD_RETRY_MS = 1_000
LONGEST_RETRY_MS = 80_000
# 4 MB: 17 days at one sample a minute.
KEEP_BYTES = 4_000_000
_CRC = 9


class Batch:
    """One file. `sent_at` is the uptime at which it was last sent over this connection, or None."""

    def __init__(self, order, boot, number, size):
        self.order = order
        self.boot = boot
        self.number = number
        self.size = size
        self.samples = 0
        self.sent_at = None
        self.tries = 0
        self.heard = True

    @property
    def name(self):
        return "%08d-%s-%d" % (self.order, self.boot, self.number)

    def waits(self):
        """How long an answer may take before the batch is sent again."""
        first = RETRY_MS if self.heard else UNHEARD_RETRY_MS
        return min(first << min(self.tries - 1, 8), LONGEST_RETRY_MS)


def _parse(name):
    try:
        order, boot, number = name.split("-")
        return int(order), boot, int(number)
    except ValueError:
        return None


def _whole(line):
    """The sample in a line (bytes), or None if the line was cut short or has changed."""
    if len(line) <= _CRC or line[-1:] != b"\n":
        return None
    text = line[_CRC:-1]
    return text if b"%08x " % binascii.crc32(text) == line[:_CRC] else None


class Buffer:
    """The batches of one collar, oldest first. `boot` names the new ones."""

    def __init__(self, folder, boot, log, keep_bytes=KEEP_BYTES):
        self._folder = folder + "/outbox"
        self._boot = boot
        self._log = log
        self._keep_bytes = keep_bytes
        self._open = None
        self._number = 0
        files.make_folder(self._folder)
        self._batches = self._load()
        self._bytes = sum(batch.size for batch in self._batches)

    def _load(self):
        found = []
        for name in os.listdir(self._folder):
            parts = _parse(name)
            if parts:
                found.append(Batch(*parts, os.stat(self._folder + "/" + name)[6]))
        found.sort(key=lambda batch: batch.order)
        return found

    def __len__(self):
        return len(self._batches)

    def _path(self, batch):
        return self._folder + "/" + batch.name

    def add(self, sample):
        """Keep one sample, a JSON text without line ends. False if the flash refuses it."""
        line = "%08x %s\n" % (binascii.crc32(sample.encode()), sample)
        batch = self._open
        if batch is None or batch.size + len(line) > BATCH_BYTES or batch.samples >= BATCH_SAMPLES:
            batch = self._begin()
        self._make_room(len(line))
        try:
            with open(self._path(batch), "a") as file:
                file.write(line)
        except OSError as error:
            self._open = None  # Its last line may be torn: nothing must follow it.
            if not batch.samples:
                self._remove(batch)
            self._log("flash_failed", error=error)
            return False
        batch.size += len(line)
        batch.samples += 1
        self._bytes += len(line)
        return True

    def _begin(self):
        self._number += 1
        order = self._batches[-1].order + 1 if self._batches else 1
        self._open = Batch(order, self._boot, self._number, 0)
        self._batches.append(self._open)
        return self._open

    def _make_room(self, size):
        while self._bytes + size > self._keep_bytes and len(self._batches) > 1:
            oldest = self._batches[0]
            self._log("samples_dropped", boot=oldest.boot, batch=oldest.number, bytes=oldest.size)
            self._remove(oldest)

    def due(self, now):
        """The next batch to send at uptime `now`, sealed, or None."""
        waiting = 0
        for batch in self._batches:
            if waiting >= WINDOW:
                return None
            if batch.sent_at is None or now - batch.sent_at >= batch.waits():
                if batch is self._open:
                    self._open = None
                return batch
            waiting += 1
        return None

    def next_due_ms(self, now):
        """Milliseconds until a batch has to be sent again; None if none waits."""
        left = [b.sent_at + b.waits() - now for b in self._batches[:WINDOW] if b.sent_at is not None]
        return max(min(left), 0) if left else None

    def message(self, batch):
        """The telemetry message, the same bytes each time. None, and it is deleted, if no sample is whole."""
        head = '{"v":1,"boot":"%s","batch":%d,"ack":true,"samples":[' % (batch.boot, batch.number)
        message = bytearray(head.encode())
        empty = len(message)
        for text in self._samples(batch):
            if len(message) > empty:
                message.extend(b",")
            message.extend(text)
        if len(message) == empty:
            self._log("batch_unreadable", boot=batch.boot, batch=batch.number)
            self._remove(batch)
            return None
        message.extend(b"]}")
        return message

    def _samples(self, batch):
        """The whole samples of a batch, a line at a time: the heap has no room for copies of all of it."""
        try:
            with open(self._path(batch), "rb") as file:
                for line in file:
                    text = _whole(line)
                    if text:
                        yield text
        except OSError as error:
            self._log("batch_unreadable", boot=batch.boot, batch=batch.number, error=error)

    def sent(self, batch, now, heard=True):
        """The broker has the batch; the server's answer is awaited, not for long if nobody `heard`."""
        batch.sent_at = now
        batch.heard = heard
        batch.tries += 1

    def forget_sending(self):
        """The connection is gone: every batch is to be sent anew."""
        for batch in self._batches:
            batch.sent_at = None
            batch.tries = 0

    def acknowledged(self, boot, number):
        """The server has decided about a batch: delete it. False if there is none of that name."""
        for batch in self._batches:
            if batch.number == number and batch.boot == boot and batch is not self._open:
                self._remove(batch)
                return True
        return False

    def newest(self):
        """(sample as JSON text, its batch) of the newest whole sample in flash, or (None, None)."""
        for batch in reversed(self._batches):
            newest = None
            for newest in self._samples(batch):
                pass
            if newest:
                return newest.decode(), batch
        return None, None

    def _remove(self, batch):
        files.remove(self._path(batch))
        self._batches.remove(batch)
        self._bytes -= batch.size
        if batch is self._open:
            self._open = None
