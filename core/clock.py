"""Whether our own clock can be trusted: a server without a battery for it boots with the time at which it went off.

What others date rightly would be refused for good by a clock that is behind. Two signs say that it may be: an earlier
time than one that was noted before (`note_time`), and a machine that has just booted and has not been told the time.
"""

import ctypes
import time

from django.db import connection

from core.models import ClockMark
from core.times import CLOCK_SLACK, now

JUST_BOOTED_S = 180  # within it a time server has answered, or none will
ASK_EVERY_S = 5.0
UNSYNCHRONIZED = 0x40  # STA_UNSYNC of adjtimex(2)
_known: tuple[float, bool] = (float("-inf"), False)  # when it was asked (monotonic), and what was found


class _Timex(ctypes.Structure):
    """The beginning of adjtimex(2)'s struct, and room for the rest."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
    ]
    _fields_ += [("status", ctypes.c_int), ("rest", ctypes.c_byte * 256)]


def is_doubtful() -> bool:
    """Whether it may be behind; asked anew every few seconds."""
    global _known  # noqa: PLW0603 - what the process knows
    at = time.monotonic()
    if at - _known[0] > ASK_EVERY_S:
        _known = (at, _is_behind() or _is_unset())
    return _known[1]


def note_time() -> None:
    """Keep the latest time that this server has seen. Run by beat."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_clockmark (id, at) VALUES (1, %s) "
            "ON CONFLICT (id) DO UPDATE SET at = greatest(core_clockmark.at, excluded.at)",
            [now()],
        )


def _is_behind() -> bool:
    return ClockMark.objects.filter(at__gt=now() + CLOCK_SLACK).exists()


def _is_unset() -> bool:
    """Whether this machine has just booted, and no time server was heard."""
    if time.clock_gettime(time.CLOCK_BOOTTIME) > JUST_BOOTED_S:
        return False
    told = _Timex()
    return ctypes.CDLL(None).adjtimex(ctypes.byref(told)) >= 0 and bool(told.status & UNSYNCHRONIZED)
