"""Counters that outlive a process: how often somebody tried something."""

from django.db import models


class RateCount(models.Model):
    """How often `key` was spent in the window that began at `window_start`."""

    key = models.CharField(max_length=100, primary_key=True)
    window_start = models.DateTimeField()
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
