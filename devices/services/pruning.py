"""What grows with collars, and ends: with the retention, or when nobody ever used it."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from core.ids import floor_key, to_ms
from core.times import now
from devices.models import Assignment, Device, SentCommand

RESTORED_WITHIN = timedelta(days=30)  # a retired collar may come back for so long
AT_ONCE = 500  # collars that a run removes; the next goes on


def prune() -> dict[str, int]:
    """Drop commands, retired collars and who had which collar that are past the retention; how many of each."""
    at = now()
    oldest = at - timedelta(days=settings.RETENTION_DAYS)
    return {
        "commands": SentCommand.objects.filter(pk__lt=floor_key(to_ms(oldest))).delete()[0],
        "collars": _collars(at, oldest),
        "assignments": _assignments(oldest),
    }


def _collars(at: datetime, oldest: datetime) -> int:
    """Retired ones: those that never spoke once they cannot come back, the others with the last of their samples."""
    unused = Q(retired_at__lt=at - RESTORED_WITHIN, last_seen=None)
    over = Device.objects.filter(unused | Q(retired_at__lt=oldest))
    return sum(_remove(over.filter(pk=key)) for key in over.values_list("pk", flat=True)[:AT_ONCE])


@transaction.atomic
def _remove(over: QuerySet[Device]) -> int:
    """One collar with all that hangs on it, unless it came back just now."""
    device = over.select_for_update().first()
    if device is None:
        return 0
    device.delete()
    return 1


def _assignments(oldest: datetime) -> int:
    """Ended before the oldest sample; not the last of a collar, which says that somebody had it."""
    later = Assignment.objects.filter(device=OuterRef("device"), pk__gt=OuterRef("pk"))
    return Assignment.objects.filter(Exists(later), ended_at__lt=oldest).delete()[0]
