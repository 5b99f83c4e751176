"""Password hashing, bounded: what one hash takes, and how many run at once in this process.

Memory and time are OWASP's smaller setting for Argon2id (Password Storage Cheat Sheet, "Argon2id": m = 19456 KiB,
t = 2, p = 1). A hash that was made with others is checked as it was made, and made anew at the next right password.
Every door goes through here, because the bound is in the hasher itself (docs/decisions/password-hashing.md).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import Argon2PasswordHasher

from core import waiting
from core.errors import Busy

AT_ONCE = 2  # hashes of a process; its container has memory for so many of the largest that are stored
_turns = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def turn() -> Iterator[None]:
    """One of the process's AT_ONCE turns to hash, waited for without a connection. Raises Busy."""
    if not _turns.acquire(blocking=False):
        with waiting.waiting():
            if not _turns.acquire(timeout=waiting.PATIENCE_S):
                raise Busy
    try:
        yield
    finally:
        _turns.release()


class BoundedArgon2(Argon2PasswordHasher):
    """Django's Argon2 with these figures, in turn."""

    time_cost = 2  # passes
    memory_cost = 19_456  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Hash a password. Raises Busy."""
        with turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Whether it is the hashed one. Raises Busy."""
        with turn():
            return super().verify(password, encoded)
