"""UUIDv7 keys: time-ordered, so that key order is time order (RFC 9562, section 5.7)."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7 as _uuid7

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62


def uuid7() -> UUID:
    """A new key for now."""
    return _uuid7()


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 UTC of an aware datetime, rounded down."""
    return int(moment.timestamp() * 1000 // 1)


def key_int(ms: int, tail: int) -> int:
    """`key_at` as a number, for where each microsecond counts."""
    return ms << 80 | _VERSION | ((tail >> 62) & 0xFFF) << 64 | _VARIANT | tail & 0x3FFF_FFFF_FFFF_FFFF


def key_at(ms: int, tail: int) -> UUID:
    """The UUIDv7 whose time is `ms` since 1970 (48 bits) and whose other 74 bits are the low bits of `tail`.

    The same input gives the same key: a repeated sample collides with itself.
    """
    return UUID(int=key_int(ms, tail))


def floor_key(ms: int) -> UUID:
    """The smallest UUID of that millisecond: bounds a range of keys by time."""
    return UUID(int=max(0, min(ms, 0xFFFF_FFFF_FFFF)) << 80)
