"""Who gives way when all the streams that this server carries are taken (docs/decisions/stream-shares.md)."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from core.times import now
from streaming.models import StreamSession, Viewing

State = StreamSession.State
STARTING_S = 4  # a collar that is asked shows its first picture within 2.5 s (./dev bench video)


def giving_way(owner_id: UUID | None) -> Iterator[tuple[StreamSession, str]]:
    """Streams that may be ended, and the reason, so that this owner gets another; those first that are missed least.

    Call it where nobody else begins a stream meanwhile.
    """
    running = list(StreamSession.objects.exclude(state=State.ENDED))
    viewings = Viewing.objects.filter(stream__in=running, ended_at=None)
    watched = set(viewings.values_list("stream_id", flat=True))
    for stream in sorted((one for one in running if one.pk not in watched), key=lambda one: one.watched_at):
        yield stream, StreamSession.Reason.UNWATCHED
    held = Counter(stream.owner_id for stream in running)
    if held[owner_id] < settings.STREAMS_PER_OWNER:
        for stream in _watched_ones(owner_id, [one for one in running if one.pk in watched], held):
            yield stream, StreamSession.Reason.GAVE_WAY


def _watched_ones(
    owner_id: UUID | None, running: list[StreamSession], held: Counter[UUID | None]
) -> Iterator[StreamSession]:
    """Without a picture, of who has more; beyond a share; without a picture for longer than a start takes."""
    dark = sorted((one for one in running if one.state != State.LIVE), key=lambda one: one.dark_since)
    yield from (one for one in dark if held[one.owner_id] > held[owner_id] + 1)
    newest = sorted(running, key=lambda one: (held[one.owner_id], one.requested_at), reverse=True)
    yield from (one for one in newest if held[one.owner_id] > settings.STREAMS_PER_OWNER)
    late = now() - timedelta(seconds=STARTING_S)
    yield from (one for one in dark if one.dark_since < late and one.owner_id != owner_id)
