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
