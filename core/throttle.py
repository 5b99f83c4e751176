"""Limits that hold across processes and restarts: fixed windows, counted in PostgreSQL by one statement.

Each statement commits by itself, and nobody waits inside the database: who has to wait does so here, without a
connection (docs/decisions/throttles.md).
"""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.db import connection

from core import waiting
from core.errors import ApiError, Busy, TooMany

LOOK_EVERY_S = 0.05  # another process may have ended a try
LINE_MOST = 20  # that wait for tries of the same subject in a process: one account may not fill the waiting room
HELD_S = 30  # a try that did not end within that has died with its process, and counts
SLACK_S = 60
# What makes a try a wrong one; a conflict, or a part that is away, says nothing about who asks.
WRONG = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
_ended = threading.Condition()


@dataclass
class _Line:
    """Those of this process who wait for the same subject: the first one looks, the others wait for that one."""

    first: threading.Lock = field(default_factory=threading.Lock)
    length: int = 0


_lines: dict[str, _Line] = {}
_lines_lock = threading.Lock()

# A window that begins in the future is of a clock that was set back: it would last until the clock is there again.
# SLACK_S of it are of two statements at once, of which the later one came first.
_LASTS = (
    """r.window_start BETWEEN now() - %(window)s * interval '1 second' AND now() + %(slack)s * interval '1 second'"""
)
_HELD = """r.held_until BETWEEN now() AND now() + (%(held)s + %(slack)s) * interval '1 second'"""
_LEFT_S = "ceil(extract(epoch FROM r.window_start - now()) + %(window)s)::int"
_SPEND = f"""
    INSERT INTO core_ratecount AS r (key, window_start, count) VALUES (%(key)s, now(), 1)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN {_LASTS} THEN least(r.count, %(most)s) + 1 ELSE 1 END,
        window_start = CASE WHEN {_LASTS} THEN r.window_start ELSE now() END
    RETURNING count, {_LEFT_S}
"""  # noqa: S608 - of the three above
# `held` of `count` are tries that have not ended. A new window begins with those, and with none of the old failures.
_TAKE = f"""
    INSERT INTO core_ratecount AS r (key, window_start, count, held, held_until)
    VALUES (%(key)s, now(), 1, 1, now() + %(held)s * interval '1 second')
    ON CONFLICT (key) DO UPDATE SET
        count = 1 + CASE WHEN {_LASTS} THEN r.count WHEN {_HELD} THEN r.held ELSE 0 END,
        window_start = CASE WHEN {_LASTS} THEN r.window_start ELSE now() END,
        held = 1 + CASE WHEN {_HELD} THEN r.held ELSE 0 END,
        held_until = EXCLUDED.held_until
    WHERE r.count < %(most)s OR NOT {_LASTS}
    RETURNING held
"""  # noqa: S608
_LOOK = f"""
    SELECT count >= %(most)s AND (held = 0 OR NOT {_HELD}), {_LEFT_S}
    FROM core_ratecount AS r WHERE key = %(key)s AND {_LASTS}
"""  # noqa: S608
_END = """
    UPDATE core_ratecount SET held = greatest(0, held - 1), count = greatest(0, count - %(given_back)s)
    WHERE key = %(key)s
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

    def _ask(self, sql: str, subject: object) -> tuple[Any, ...] | None:
        named: dict[str, str | int] = {
            "key": self._key(subject),
            "window": self.seconds,
            "most": self.most,
            "held": HELD_S,
            "slack": SLACK_S,
        }
        with connection.cursor() as cursor:
            cursor.execute(sql, named)
            row: tuple[Any, ...] | None = cursor.fetchone()
        return row

    def spend(self, subject: object) -> None:
        """Count one try. Raises TooMany, with the seconds to wait, when the window is full.

        Refused tries do not pile up: what others give back afterwards makes room again.
        """
        row = self._ask(_SPEND, subject)
        if row is not None and row[0] > self.most:
            raise TooMany(retry_after=max(1, row[1]))

    def require_room(self, subject: object) -> None:
        """Raise TooMany when nothing more can be spent; counts nothing."""
        row = self._ask(_LOOK, subject)
        if row is not None and row[0]:
            raise TooMany(retry_after=max(1, row[1]))

    def refund(self, subject: object) -> None:
        """Take one try back: it turned out well."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE core_ratecount SET count = greatest(0, count - 1) WHERE key = %s",
                [self._key(subject)],
            )

    @contextmanager
    def attempt(self, subject: object) -> Iterator[None]:
        """Around a try that counts only when it ends in a refusal of WRONG; right ones are given back.

        At most as many run side by side as may still go wrong: so wrong ones cannot slip past the limit, and right
        ones do not fill it. Raises TooMany when the window is full of wrong ones, and Busy when others take too long.
        """
        self._take(subject)
        try:
            yield
        except ApiError as refusal:
            self._end(subject, right=refusal.status not in WRONG)
            raise
        except BaseException:
            self._end(subject, right=True)
            raise
        self._end(subject, right=True)

    def _take(self, subject: object) -> None:
        if self._ask(_TAKE, subject) is not None:
            return
        self.require_room(subject)
        with _in_line(self._key(subject)) as first, waiting.waiting():
            deadline = time.monotonic() + waiting.PATIENCE_S
            if not first.acquire(timeout=waiting.PATIENCE_S):
                raise Busy
            try:
                self._take_when_free(subject, deadline)
            finally:
                first.release()

    def _take_when_free(self, subject: object, deadline: float) -> None:
        while self._ask(_TAKE, subject) is None:
            self.require_room(subject)
            if time.monotonic() > deadline:
                raise Busy
            waiting.let_go_of_connections()
            with _ended:
                _ended.wait(LOOK_EVERY_S)

    def _end(self, subject: object, *, right: bool) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_END, {"key": self._key(subject), "given_back": int(right)})
        with _ended:
            _ended.notify()


@contextmanager
def _in_line(key: str) -> Iterator[threading.Lock]:
    """Stand in the subject's line. Raises Busy when it is too long."""
    with _lines_lock:
        line = _lines.setdefault(key, _Line())
        if line.length >= LINE_MOST:
            raise Busy
        line.length += 1
    try:
        yield line.first
    finally:
        with _lines_lock:
            line.length -= 1
            if not line.length:
                _lines.pop(key, None)
