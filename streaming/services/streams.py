"""A stream's life: asked for, published, live, lost and asked for again, ended.

Every move is one guarded UPDATE; the collar and the media server hear of it after commit.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from broker import publisher
from broker.commands import Answer, StartStream, StopStream
from core.errors import Conflict, Unavailable
from core.ids import uuid7
from core.locks import Lock, hold_until_commit
from core.times import now
from devices.errors import CollarOffline, NoCamera, Retired
from devices.live import push_stream
from devices.models import Device
from devices.services.commands import record_command
from streaming import keys, media, tokens
from streaming.models import StreamSession, Viewing
from streaming.presenters import stream_resource
from streaming.services import shares

log = logging.getLogger(__name__)
State, Reason = StreamSession.State, StreamSession.Reason
OPEN = (State.REQUESTED, State.STARTING, State.LIVE)
REFUSALS = (Reason.BAD_PICTURE, Reason.UNPLAYABLE)
BUSY_RETRY_S = 15


def open_stream(device: Device) -> StreamSession | None:
    """The stream of this collar that runs or starts."""
    return StreamSession.objects.filter(device=device, state__in=OPEN).first()


def begin_stream(*, device: Device) -> StreamSession:
    """Ask the collar for pictures; call it in a transaction that holds the device's row.

    Raises Conflict (`retired`, `no_camera`, `camera_off`, `offline`) and Unavailable (`busy`).
    """
    refuse_unless_ready(device)
    _free_slot(device.owner_id)
    key, at = keys.new_key(), now()
    stream = StreamSession.objects.create(
        device=device,
        owner=device.owner,
        key_hash=keys.hash_key(key),
        key_expires_at=at + timedelta(seconds=settings.STREAM_START_S),
    )
    record_command(command_id=stream.run, device_id=device.pk, kind=StartStream)
    _changed(stream)
    transaction.on_commit(lambda: _ask(stream, key))
    log.info("stream_requested", extra={"device": device.pk, "stream": stream.pk})
    return stream


def refuse_unless_ready(device: Device) -> None:
    """Raise Conflict when this collar cannot stream now."""
    if device.retired_at is not None:
        raise Retired
    refuse_without_camera(device)
    if device.config.get("camera") == "off":
        raise Conflict(_("The camera is off in this collar's settings."), code="camera_off")
    if device.presence() != Device.Status.ONLINE:
        raise CollarOffline


def refuse_without_camera(device: Device) -> None:
    """Raise Conflict (`no_camera`) for a collar that has none."""
    if not device.has_camera:
        raise NoCamera


def _free_slot(owner_id: UUID | None) -> None:
    """Raise Unavailable (`busy`) when the server is full, and nobody gives way to this owner."""
    hold_until_commit(Lock.OPEN_STREAMS)  # two at once must not both be the last that fits
    if StreamSession.objects.filter(state__in=OPEN).count() < settings.STREAMS_MAX:
        return
    found = shares.giving_way(owner_id)
    if not any(end_stream(stream=one, reason=why, unless_watched=why == Reason.UNWATCHED) for one, why in found):
        text = _("As many cameras as this server can carry are on. Try again in a moment.")
        raise Unavailable(text, code="busy", retry_after=BUSY_RETRY_S)


def renew_stream(*, stream: StreamSession) -> bool:
    """A new run with a new key for a stream whose publisher is gone; the collar is asked again. False: too late."""
    key, at, old = keys.new_key(), now(), stream.publish_name
    fresh = {
        "state": State.REQUESTED,
        "run": uuid7(),
        "run_at": at,
        "run_over": False,
        "leased_at": at,
        "key_hash": keys.hash_key(key),
        "key_expires_at": at + timedelta(seconds=settings.STREAM_START_S),
        "key_used_at": None,
    }
    with transaction.atomic():
        if not StreamSession.objects.filter(pk=stream.pk, run=stream.run, state__in=OPEN).update(**fresh):
            return False
        stream.refresh_from_db()
        record_command(command_id=stream.run, device_id=stream.device_id, kind=StartStream)
        _changed(stream)
    media.drop_publisher(old)
    _ask(stream, key)
    log.info("stream_renewed", extra={"device": stream.device_id, "stream": stream.pk})
    return True


def admit_publisher(*, device_id: UUID, key: str) -> str | None:
    """Somebody wants to publish as this collar. The stream's name when the key is right, and used up now; else None."""
    stream = StreamSession.objects.filter(device=device_id, state=State.REQUESTED, key_used_at=None).first()
    if stream is None or not keys.matches(key, stream.key_hash):
        return None
    at = now()
    with transaction.atomic():
        waiting = StreamSession.objects.filter(pk=stream.pk, run=stream.run, state=State.REQUESTED, key_used_at=None)
        allowed = waiting.filter(key_expires_at__gt=at, device__retired_at=None).exclude(device__config__camera="off")
        if not allowed.update(key_used_at=at, state=State.STARTING):
            return None
        stream.refresh_from_db()
        _changed(stream)
    return stream.publish_name


def publisher_gone(*, stream_id: UUID, run: UUID, at: datetime | None = None) -> None:
    """The publisher of this run broke off. The keeper asks for another while somebody watches."""
    present = StreamSession.objects.filter(pk=stream_id, run=run, state__in=OPEN, run_over=False)
    present.update(run_over=True)
    live = StreamSession.objects.filter(pk=stream_id, run=run, state=State.LIVE)
    _move(live, stream_id, state=State.STARTING, dark_since=at or now())


def pictures_refused(*, stream_id: UUID, run: UUID, reason: str) -> None:
    """The gate ended this run's publisher, for one of REFUSALS: what it showed is not what we take."""
    stream = StreamSession.objects.filter(pk=stream_id, run=run, state__in=OPEN).first()
    if stream is not None:
        end_stream(stream=stream, reason=reason)


def picture_came(*, stream: StreamSession) -> None:
    """The first segment of the present run is there."""
    at = now()
    started = StreamSession.objects.filter(pk=stream.pk, run=stream.run, state=State.STARTING, run_over=False)
    _move(started, stream.pk, state=State.LIVE, live_at=stream.live_at or at)


def take_answer(answer: Answer) -> None:
    """The collar says that it does not stream: for good, or because its connection broke."""
    if answer.result not in ("failed", "unsupported"):
        return
    stream = StreamSession.objects.filter(device=answer.device_id, run=answer.id, state__in=OPEN).first()
    if stream is None:
        return
    if answer.reason == "connection":
        publisher_gone(stream_id=stream.pk, run=answer.id)
    elif answer.reason == "camera_off":  # it has heard its new settings before we looked
        end_stream(stream=stream, reason=Reason.CAMERA_OFF)
    else:
        end_stream(stream=stream, reason=Reason.UNSUPPORTED if answer.result == "unsupported" else Reason.REFUSED)


def prolong_stream(*, stream: StreamSession) -> None:
    """Tell the collar to go on: the same command again; the key in it was used and is not repeated."""
    if StreamSession.objects.filter(pk=stream.pk, run=stream.run, state__in=OPEN).update(leased_at=now()):
        publisher.send_command(stream.device_id, _start(stream, key="used"))


def end_stream(*, stream: StreamSession, reason: str, unless_watched: bool = False) -> bool:
    """End a stream and every viewing of it; the collar stops, its publisher is dropped. False: it changed nothing.

    `unless_watched` leaves a stream alone that somebody came to watch just now.
    """
    at = now()
    with transaction.atomic():
        locked = StreamSession.objects.select_for_update(no_key=True).filter(pk=stream.pk, state__in=OPEN).first()
        viewings = Viewing.objects.filter(stream=stream, ended_at=None)
        if locked is None or (unless_watched and viewings.exists()):
            return False
        StreamSession.objects.filter(pk=stream.pk).update(state=State.ENDED, reason=reason, ended_at=at)
        in_turn = viewings.select_for_update(no_key=True).order_by("pk")  # as `seen` takes them
        ended = list(in_turn.values_list("pk", flat=True))
        viewings.update(ended_at=at)
        locked.refresh_from_db()
        _changed(locked)
        transaction.on_commit(lambda: _stop(locked, ended))
    log.info("stream_ended", extra={"device": stream.device_id, "stream": stream.pk, "reason": reason})
    return True


def _stop(stream: StreamSession, viewings: list[UUID]) -> None:
    """What follows an end: tokens, the collar, the publisher."""
    for viewing in viewings:
        tokens.revoke(stream.pk, viewing)
    tokens.forget_stream(stream.pk)
    publisher.send_command(stream.device_id, StopStream(id=stream.run))
    media.drop_publisher(stream.publish_name)


def _move(streams: QuerySet[StreamSession], stream_id: UUID, **changes: object) -> bool:
    """One guarded move of the query's stream, told to pages."""
    with transaction.atomic():
        if not streams.update(**changes):
            return False
        _changed(StreamSession.objects.get(pk=stream_id))
    return True


def _changed(stream: StreamSession) -> None:
    push_stream(device_id=stream.device_id, owner_id=stream.owner_id, data=stream_resource(stream))


def _ask(stream: StreamSession, key: str) -> None:
    """Send cmd/stream. A broker that is away ends the stream at once: nobody would answer."""
    if publisher.send_command(stream.device_id, _start(stream, key=key)) is None:
        end_stream(stream=stream, reason=Reason.NOT_SENT)


def _start(stream: StreamSession, *, key: str) -> StartStream:
    return StartStream(
        id=stream.run,
        host=settings.RTMP_PUBLIC_HOST,
        port=settings.RTMP_PUBLIC_PORT,
        app=media.APP,
        name=str(stream.device_id),
        key=key,
        lease_s=settings.STREAM_LEASE_S,
        width=settings.STREAM_WIDTH,
        height=settings.STREAM_HEIGHT,
        fps=settings.STREAM_FPS,
    )
