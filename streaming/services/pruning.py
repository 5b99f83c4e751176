"""What grows with the camera, and ends with the retention: streams, who watched them, and leave that support had."""

from datetime import timedelta

from django.conf import settings

from core.ids import floor_key, to_ms
from core.times import now
from streaming.models import StreamSession, SupportGrant


def prune() -> dict[str, int]:
    """Drop ended streams with their viewings, then grants that nobody used since; how many of each."""
    oldest = now() - timedelta(days=settings.RETENTION_DAYS)
    first = floor_key(to_ms(oldest))
    streams = StreamSession.objects.filter(pk__lt=first, state=StreamSession.State.ENDED).delete()[0]
    grants = SupportGrant.objects.filter(pk__lt=first, expires_at__lt=oldest, viewings=None).delete()[0]
    return {"streams": streams, "grants": grants}
