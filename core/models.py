"""Counters that outlive a process: how often somebody tried something."""

from django.db import models


class RateCount(models.Model):
    """How often `key` was spent in the window that began at `window_start`.

    `held` of them are tries that have not ended; past `held_until` they never will. Rows of windows that are long
    over go (accounts.pruning).
    """

    key = models.CharField(max_length=100, primary_key=True)
    window_start = models.DateTimeField()
    count = models.PositiveIntegerField()
    held = models.PositiveIntegerField(default=0, db_default=0)
    held_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


class KeptAnswer(models.Model):
    """What a caller's POST with an Idempotency-Key came to: `content` is encrypted (core.idempotency).

    Without a status the request has not ended, or its process died before it could say how.
    """

    caller = models.UUIDField()
    path = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    body_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    content = models.BinaryField(null=True)
    secret = models.BooleanField(default=False)
    begun_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "path", "key"], name="one_answer_a_key")]

    def __str__(self) -> str:
        return f"{self.caller} {self.path}"


class ClockMark(models.Model):
    """The latest time that this server has seen, in one row (core.clock)."""

    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.at)
