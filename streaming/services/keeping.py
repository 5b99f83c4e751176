"""The keeper: what a round of it does to every stream and viewing that is open.

What is decided here follows from the database and from the media server's files alone. So a round that is missed,
or made twice, or made by a process that has just been started, comes to the same end.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from core.times import now
from devices.models import Device
from streaming import media, tokens
from streaming.models import StreamSession, Viewing
from streaming.services import streams, viewings

State, Reason = StreamSession.State, StreamSession.Reason
NEW_RUN_AFTER_S = 1  # between two runs, so that a collar that fails at once is not asked in a loop


def run_round(*, seen: dict[UUID, datetime]) -> None:
    """One round: who was seen when (by viewing), who has gone or lost the right, what that means for each stream."""
    viewings.record_seen(times=seen)
    at = now()
    for viewing in viewings.open_viewings():
        if viewings.is_silent(viewing, at) or not viewings.may_go_on(viewing, at):
            viewings.end_viewing(viewing=viewing)
    for stream in StreamSession.objects.filter(state__in=streams.OPEN).select_related("device"):
        _keep_stream(stream, at)


def _keep_stream(stream: StreamSession, at: datetime) -> None:
    forbidden = _forbidden(stream)
    if forbidden:
        streams.end_stream(stream=stream, reason=forbidden)
    elif not Viewing.objects.filter(stream=stream, ended_at=None).exists():
        if at - stream.watched_at >= timedelta(seconds=settings.STREAM_LINGER_S):
            streams.end_stream(stream=stream, reason=Reason.UNWATCHED, unless_watched=True)
    elif not _keep_picture(stream, at):
        return
    elif at - stream.leased_at >= timedelta(seconds=settings.STREAM_LEASE_S / 3):
        streams.prolong_stream(stream=stream)


def _forbidden(stream: StreamSession) -> str:
    """Why this stream may not go on; empty when it may."""
    device = stream.device
    if device.retired_at is not None:
        return Reason.RETIRED
    if device.owner_id != stream.owner_id:
        return Reason.OWNER_LEFT
    return Reason.CAMERA_OFF if device.config.get("camera") == "off" else ""


def _keep_picture(stream: StreamSession, at: datetime) -> bool:
    """See whether pictures come, and ask for them again when they do not. False: it was ended, or asked anew."""
    if media.has_picture(stream) and not stream.run_over:
        if stream.state == State.STARTING:
            streams.picture_came(stream=stream)
        return True
    if stream.state == State.LIVE:
        streams.publisher_gone(stream_id=stream.pk, run=stream.run, at=at)
        return False
    start_s = settings.STREAM_FIRST_KEY_S if media.pictures_come(stream) else settings.STREAM_START_S
    if at - stream.dark_since > timedelta(seconds=start_s):
        streams.end_stream(stream=stream, reason=Reason.NO_PICTURE)
        return False
    rested = at - stream.run_at >= timedelta(seconds=NEW_RUN_AFTER_S)
    if stream.run_over and rested and stream.device.presence(at) == Device.Status.ONLINE:
        return not streams.renew_stream(stream=stream)
    return True


def sweep_access() -> None:
    """Remove access files of viewings that are over: what a killed process could not. List first, then ask."""
    found = tokens.listed()
    kept = set(Viewing.objects.filter(pk__in=[pk for _, pk in found], ended_at=None).values_list("pk", flat=True))
    for stream, viewing in found:
        if viewing not in kept:
            tokens.revoke(stream, viewing)
            tokens.forget_stream(stream)
