"""Samples as rows of PostgreSQL's binary COPY: one struct.pack a row.

The format is a 16-bit count of fields, then for each a 32-bit length and the value, all big-endian
(PostgreSQL 15 manual, COPY, "Binary Format"); times are microseconds since 2000-01-01.
"""

import struct
from hashlib import blake2b

from telemetry.columns import FELT, PLAIN
from telemetry.payloads import Reading

NAMES = ("id", "device_id", "ts", "received_at", "boot", "seq", *(one.name for one in (*PLAIN, *FELT)))
COLUMNS = ", ".join(NAMES)
HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
EPOCH_2000_US = 946_684_800_000_000
_FIELDS = len(NAMES)
_SHARED = ">h i16s i16s iq iq i8s iq " + "id " * len(PLAIN)
_FULL = struct.Struct(_SHARED + "ii " * len(FELT)).pack
_BARE = struct.Struct(_SHARED + "i " * len(FELT)).pack
_MARK = struct.Struct(">h i16s iq").pack
_SEQ = struct.Struct(">Q").pack
_DIGEST = struct.Struct(">HQ").unpack
_KEY = struct.Struct(">QQ").pack


def sample_key(source: bytes, reading: Reading) -> bytes:
    """The sample's key: UUIDv7 of its ts, the rest a hash of (device, boot, seq). `source` is device and boot.

    The same bits as `core.ids.key_at`, put together without a Python integer of 128 bits.
    """
    high, low = _DIGEST(blake2b(source + _SEQ(reading.seq), digest_size=10).digest())
    return _KEY(reading.ts << 16 | 0x7000 | high & 0xFFF, 1 << 63 | low & 0x3FFF_FFFF_FFFF_FFFF)


def pack(key: bytes, device: bytes, received_us: int, boot: bytes, r: Reading) -> bytes:
    """One row; `received_us` in microseconds since 2000-01-01 UTC.

    Written out, and twice: a loop over the table's quantities costs several times as much, a shared tuple double.
    """
    ts, felt = r.ts * 1000 - EPOCH_2000_US, r.activity
    # fmt: off
    if felt is None:
        return _BARE(_FIELDS, 16, key, 16, device, 8, ts, 8, received_us, 8, boot, 8, r.seq, 8, r.accel_x, 8, r.accel_y,
                     8, r.accel_z, 8, r.battery_level, -1, -1, -1, -1)
    return _FULL(_FIELDS, 16, key, 16, device, 8, ts, 8, received_us, 8, boot, 8, r.seq, 8, r.accel_x, 8, r.accel_y,
                 8, r.accel_z, 8, r.battery_level, 4, felt.sd_mg, 4, felt.odba_mg, 4, felt.active_s, 4, felt.steps)
    # fmt: on


def pack_mark(device: bytes, start_ms: int) -> bytes:
    """One row of a RollupMark: a device and the start of a bucket."""
    return _MARK(2, 16, device, 8, start_ms * 1000 - EPOCH_2000_US)
