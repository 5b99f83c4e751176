"""The WebSocket: a snapshot, then what changes, numbered; closed when the access behind it ends."""

import asyncio
import json
import logging
from collections import Counter
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.db import OperationalError

from accounts import sessions, tokens
from accounts.models import UserSession
from core import metrics
from core.bus import Event, Listener, hub
from core.errors import BadToken
from devices.models import Device
from devices.presenters import StatusResource, status_resource
from devices.selectors import visible_to

log = logging.getLogger(__name__)
WHO_ARE_YOU, NOT_YOURS, TOO_MANY, TRY_AGAIN = 4401, 4404, 4429, 1013
PUSHED = frozenset({"telemetry", "status", "treat", "stream"})
RECHECK_S = 60  # a session also ends by its date
_open_of: Counter[UUID] = Counter()  # sockets by person, in this process


class DeviceConsumer(AsyncWebsocketConsumer):
    """/ws/devices (all of a user's) and /ws/devices/{id}."""

    session: UserSession
    listener: Listener | None = None
    sender: asyncio.Task[None] | None = None
    count = 0
    counted: UUID | None = None

    async def connect(self) -> None:
        """Accept first, so that a refusal can say why by its code."""
        bearer, subprotocol = _bearer(self.scope)
        await self.accept(subprotocol=subprotocol)
        metrics.SOCKETS.inc()
        try:
            session = await _identify(self.scope, bearer)
            if session is None:
                return await self.close(WHO_ARE_YOU)
            self.session = session
            if _open_of[session.user_id] >= settings.SOCKETS_PER_USER:
                return await self.close(TOO_MANY)
            self.counted = session.user_id
            _open_of[session.user_id] += 1
            await self._start()
        except OperationalError:
            await self.close(TRY_AGAIN)

    async def disconnect(self, code: int) -> None:
        """Stop listening."""
        metrics.SOCKETS.dec()
        if self.counted is not None:
            _open_of[self.counted] -= 1
            if not _open_of[self.counted]:
                del _open_of[self.counted]
        if self.sender is not None:
            self.sender.cancel()
        if self.listener is not None:
            hub().leave(self.listener)

    @property
    def device_id(self) -> UUID | None:
        """The one device of this socket; None when it shows all of the user's."""
        found: UUID | None = self.scope["url_route"]["kwargs"].get("device_id")
        return found

    async def _start(self) -> None:
        """Listen before reading, so that nothing falls between the snapshot and the first push."""
        subject = ("device", str(self.device_id)) if self.device_id else ("user", str(self.session.user_id))
        self.listener = await hub().listen(subject, ("session", str(self.session.pk)))
        if await self._snapshot():
            self.sender = asyncio.create_task(self._run(self.listener))

    async def _snapshot(self) -> bool:
        """Send the state of every device shown, or close; False when closed."""
        if not await database_sync_to_async(_still_open)(self.session.pk):
            await self.close(WHO_ARE_YOU)
            return False
        devices = await database_sync_to_async(_statuses)(self.session, self.device_id)
        if self.device_id is not None and not devices:
            await self.close(NOT_YOURS)
            return False
        await self._send({"type": "snapshot", "devices": devices})
        return True

    async def _run(self, listener: Listener) -> None:
        clock = asyncio.get_running_loop()
        check_at = clock.time() + RECHECK_S
        while True:
            try:
                async with asyncio.timeout_at(check_at):
                    event = await listener.get()
            except TimeoutError:
                event = {"type": "session_check"}
                check_at = clock.time() + RECHECK_S
            try:
                if not await self._handle(event):
                    return
            except OperationalError:
                return await self.close(TRY_AGAIN)

    async def _handle(self, event: Event | None) -> bool:
        """Pass one event on. False when the socket was closed."""
        if event is None:
            await self._send({"type": "resync"})
            return await self._snapshot()
        if event["type"] in ("session_ended", "session_check"):
            if await database_sync_to_async(_still_open)(self.session.pk):
                return True
            await self.close(WHO_ARE_YOU)
            return False
        if event["type"] == "access":
            return await self._snapshot()
        if event["type"] in PUSHED and self._may_see(event):
            self.count += 1
            await self._send({"type": event["type"], "device": event["device"], "n": self.count, "data": event["data"]})
        return True

    def _may_see(self, event: Event) -> bool:
        """What is said to a device's present owner is not for the one before, whose socket is about to close."""
        return event.get("user") == str(self.session.user_id) or self.session.user.is_staff

    async def _send(self, message: dict[str, object]) -> None:
        await self.send(text_data=json.dumps(message, separators=(",", ":")))


def _bearer(scope: Any) -> tuple[str | None, str | None]:
    """The token, None when none is shown, and the subprotocol to answer.

    `Sec-WebSocket-Protocol: bearer, <JWT>` for browsers, which cannot send other headers; else `Authorization: Bearer`.
    """
    offered = scope.get("subprotocols") or []
    if offered and offered[0] == "bearer":
        return (offered[1] if len(offered) == 2 else ""), "bearer"
    said = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").split()
    if not said or said[0].lower() != "bearer":
        return None, None
    return (said[1] if len(said) == 2 else ""), None


async def _identify(scope: Any, bearer: str | None) -> UserSession | None:
    if bearer is not None:
        try:
            return await database_sync_to_async(tokens.session_of)(bearer)
        except BadToken:
            return None
    if not _same_origin(scope):
        return None
    return await database_sync_to_async(_browser_session)(scope)


async def _nobody(*words: Any) -> None:
    """What the validator would let in; it is asked for its opinion only."""


def _same_origin(scope: Any) -> bool:
    """A cookie counts only when one of our own pages opened the socket."""
    said = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
    own = [trusted.replace("://*.", "://.") for trusted in settings.CSRF_TRUSTED_ORIGINS]
    try:
        return bool(OriginValidator(_nobody, own).valid_origin(urlsplit(said)))
    except ValueError:  # no port, no address
        return False


def _browser_session(scope: Any) -> UserSession | None:
    session_id = scope["session"].get(sessions.SESSION_KEY) if "session" in scope else None
    return sessions.find_open(session_id) if session_id else None


def _still_open(session_id: UUID) -> bool:
    return sessions.open_sessions().filter(pk=session_id).exists()


def _statuses(session: UserSession, device_id: UUID | None) -> list[StatusResource]:
    if device_id is not None:
        devices = visible_to(session.user).in_use().filter(pk=device_id)
    else:
        devices = Device.objects.in_use().filter(owner=session.user_id)
    return [status_resource(device) for device in devices.order_by("pk")]
