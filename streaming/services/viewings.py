"""Who may watch, and who does: the one place that decides it, and the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_lazy as _

from accounts.authentication import Caller
from accounts.models import User
from accounts.roles import sees_all
from broker import publisher
from broker.errors import BrokerUnavailable
from core.errors import Conflict, Forbidden
from core.times import now
from devices.models import Device
from devices.selectors import Windows, windows_of
from streaming import tokens
from streaming.models import StreamSession, SupportGrant, Viewing
from streaming.services import streams

SILENT_S = 5  # a viewing ends so long after its last request
FIRST_REQUEST_S = 15  # and so long after its token when nothing was ever fetched


@dataclass(frozen=True)
class Ticket:
    """What somebody needs to watch."""

    stream: StreamSession
    viewing: Viewing
    token: str
    expires_at: datetime


def valid_grants(at: datetime) -> QuerySet[SupportGrant]:
    """Grants that count: not over, and given by who owns the collar now."""
    return SupportGrant.objects.filter(ended_at=None, expires_at__gt=at, granted_by=F("device__owner"))


def right_of(user: User, device: Device) -> SupportGrant | None:
    """By what this user may watch: None for the owner, a grant for staff. Raises Forbidden for staff without one."""
    if device.owner_id == user.pk:
        return None
    grant = valid_grants(now()).filter(device=device).first() if sees_all(user) else None
    if grant is None:
        raise Forbidden(_("Only the owner can watch, or staff whom the owner allowed it for a while."), code="no_grant")
    return grant


def begin_viewing(*, device: Device, by: Caller) -> Ticket:
    """A ticket for the collar's stream, which is begun when there is none.

    Raises Forbidden (`no_grant`), Conflict (`retired`, `no_camera`, `camera_off`, `offline`), Unavailable (`busy`,
    `broker_unavailable`).
    """
    grant = right_of(by.user, device)
    if streams.open_stream(device) is None:
        streams.refuse_unless_ready(device)
        publisher.require()
    with transaction.atomic():
        locked = Device.objects.select_for_update(no_key=True).get(pk=device.pk)
        right_of(by.user, locked)
        stream = streams.open_stream(locked) or streams.begin_stream(device=locked)
        viewing = _join(stream, by, grant)
    if StreamSession.objects.filter(pk=stream.pk, reason=StreamSession.Reason.NOT_SENT).exists():
        raise BrokerUnavailable()
    return _ticket(stream, viewing)


def renew_viewing(*, device: Device, by: Caller) -> Ticket:
    """A new token for the stream that runs or starts. Raises Forbidden and Conflict (`no_camera`, `not_streaming`)."""
    grant = right_of(by.user, device)
    with transaction.atomic():
        stream = streams.open_stream(device)
        if stream is None:
            streams.refuse_without_camera(device)
            raise Conflict(_("This collar does not stream."), code="not_streaming")
        viewing = _join(stream, by, grant)
    return _ticket(stream, viewing)


def _join(stream: StreamSession, by: Caller, grant: SupportGrant | None) -> Viewing:
    """The caller's open viewing of this stream, or a new one; holds the stream's row, so that it does not end now."""
    held = StreamSession.objects.select_for_update(no_key=True).filter(pk=stream.pk, state__in=streams.OPEN)
    if not held.exists():
        raise Conflict(_("The stream has just ended. Try again."), code="not_streaming")
    source = Viewing.Source.API if by.by_bearer else Viewing.Source.PAGE
    viewing, new = Viewing.objects.get_or_create(
        stream=stream,
        session=by.session,
        ended_at=None,
        defaults={"viewer": by.user, "source": source, "grant": grant},
    )
    if not new:
        Viewing.objects.filter(pk=viewing.pk).update(asked_at=now())
    return viewing


def _ticket(stream: StreamSession, viewing: Viewing) -> Ticket:
    token, expires_at = tokens.issue(stream.pk, viewing.pk)
    return Ticket(stream, viewing, token, expires_at)


@transaction.atomic
def record_seen(*, times: dict[UUID, datetime]) -> None:
    """Viewings fetched something at these times; hearing it twice, or late, changes nothing."""
    running = Viewing.objects.filter(pk__in=list(times), ended_at=None).order_by("pk")
    for viewing in list(running.values_list("pk", flat=True)) if times else ():
        at = times[viewing]
        earlier = Viewing.objects.filter(pk=viewing, ended_at=None).filter(Q(last_seen=None) | Q(last_seen__lt=at))
        earlier.update(last_seen=at, first_seen=Coalesce(F("first_seen"), at))


def end_viewing(*, viewing: Viewing) -> bool:
    """End one viewing; its tokens stop working. The stream remembers when it was last watched."""
    watched = viewing.last_seen or viewing.asked_at
    with transaction.atomic():
        # The stream's row before the viewing's, as who ends a stream takes them: neither waits for the other in vain.
        stream = StreamSession.objects.filter(pk=viewing.stream_id)
        stream.update(watched_at=Greatest(F("watched_at"), watched))
        if not Viewing.objects.filter(pk=viewing.pk, ended_at=None).update(ended_at=now()):
            return False
        transaction.on_commit(lambda: tokens.revoke(viewing.stream_id, viewing.pk))
    return True


def open_viewings() -> QuerySet[Viewing]:
    """Viewings that go on, with all that their right depends on."""
    return Viewing.objects.filter(ended_at=None).select_related("session__user", "grant", "stream__device")


def is_silent(viewing: Viewing, at: datetime) -> bool:
    """Whether nobody watches any more."""
    if viewing.last_seen is None:
        return at - viewing.asked_at > timedelta(seconds=FIRST_REQUEST_S)
    return at - viewing.last_seen > timedelta(seconds=SILENT_S)


def may_go_on(viewing: Viewing, at: datetime) -> bool:
    """Whether the right to watch still stands: session, ownership or grant, collar, camera."""
    session, device, grant = viewing.session, viewing.stream.device, viewing.grant
    if session is None or session.ended_at or session.expires_at <= at or not session.user.is_active:
        return False
    if device.retired_at is not None or device.config.get("camera") == "off":
        return False
    if grant is None:
        return device.owner_id == viewing.viewer_id
    lasts = grant.ended_at is None and grant.expires_at > at and grant.granted_by_id == device.owner_id
    return lasts and sees_all(session.user)


def list_newest(windows: Mapping[UUID, Windows], most: int) -> list[Viewing]:
    """The newest viewings of these collars, each within its windows, newest first."""
    theirs = Q(pk__in=[])
    for device_id, spans in windows.items():
        theirs |= Q(spans.within("first_seen"), stream__device=device_id)
    found = Viewing.objects.filter(theirs, first_seen__isnull=False).select_related("viewer", "stream")
    return list(found.order_by("-pk")[:most]) if windows else []


def list_viewings(device: Device, user: User) -> QuerySet[Viewing]:
    """Who watched this collar, as far as this person may know it."""
    found = Viewing.objects.filter(stream__device=device, first_seen__isnull=False).select_related("viewer", "stream")
    return found.filter(windows_of(user, device).within("first_seen"))
