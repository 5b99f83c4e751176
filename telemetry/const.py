"""Limits of telemetry."""

from datetime import timedelta

FIVE_MINUTES, HOUR = 300, 3600  # seconds, the widths of rollups
BUCKET_MS = FIVE_MINUTES * 1000
RECENT = timedelta(days=8)  # partitions of these days are made ahead or few; older ones may be one a sample
LIMIT_DEFAULT, LIMIT_MOST = 1000, 10_000  # rows of an answer
