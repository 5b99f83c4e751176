"""The ledger ends with the retention."""

from datetime import timedelta

from django.conf import settings

from core.ids import floor_key, to_ms
from core.times import now
from treats.models import TreatEvent


def prune() -> dict[str, int]:
    """Drop treats that are past the retention; how many."""
    oldest = now() - timedelta(days=settings.RETENTION_DAYS)
    return {"treats": TreatEvent.objects.filter(pk__lt=floor_key(to_ms(oldest))).delete()[0]}
