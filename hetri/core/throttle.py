"""Limits that hold across processes and restarts: fixed windows, counted in PostgreSQL by one statement."""

import hashlib
from dataclasses import dataclass

from django.db import connection

from hetri.core.errors import TooMany

# A window that begins in the future is of a clock that was set back: it would last until the clock is there again.
_SPEND = """
    INSERT INTO core_ratecount AS r (key, window_start, count) VALUES (%(key)s, now(), 1)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN r.window_start < now() - %(window)s * interval '1 second' OR r.window_start > now() THEN 1
                ELSE least(r.count, %(most)s) + 1 END,
        window_start = CASE WHEN r.window_start < now() - %(window)s * interval '1 second' OR r.window_start > now()
                            THEN now() ELSE r.window_start END
    RETURNING count, ceil(extract(epoch FROM window_start - now()) + %(window)s)::int
"""


@dataclass(frozen=True)
class Limit:
    """`most` times in `seconds` for each subject (an account, an address)."""

    name: str
    most: int
    seconds: int

    def _key(self, subject: object) -> str:
        digest = hashlib.blake2b(str(subject).encode(), digest_size=16).hexdigest()
        return f"{self.name}:{digest}"

    def spend(self, subject: object) -> None:
        """Count one try. Raises TooMany, with the seconds to wait, when the window is full.

        Refused tries do not pile up: what others give back afterwards makes room again.
        """
        with connection.cursor() as cursor:
            cursor.execute(_SPEND, {"key": self._key(subject), "window": self.seconds, "most": self.most})
            count, wait = cursor.fetchone()
        if count > self.most:
            raise TooMany(retry_after=max(1, wait))

    def queue(self, subject: object) -> None:
        """Wait for the subject's other tries until the end of this transaction: they may be given back."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [self._key(subject)])

    def refund(self, subject: object) -> None:
        """Take one try back: it turned out well."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE core_ratecount SET count = greatest(0, count - 1) WHERE key = %s",
                [self._key(subject)],
            )
