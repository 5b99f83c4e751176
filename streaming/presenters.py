"""Streams and viewings as plain dicts, for the API, the WebSocket and the pages."""

from typing import Any

from accounts.models import User
from accounts.roles import may_name
from core.times import iso
from streaming.models import StreamSession, SupportGrant, Viewing


def stream_dict(stream: StreamSession) -> dict[str, Any]:
    """What a page needs to know of a stream; pushed as `stream` at each change."""
    return {
        "stream": str(stream.pk),
        "state": str(stream.state),
        "reason": stream.reason or None,
        "requested_at": iso(stream.requested_at),
        "live_at": iso(stream.live_at),
        "ended_at": iso(stream.ended_at),
    }


def viewing_dict(viewing: Viewing, reader: User) -> dict[str, Any]:
    """A row of the ledger as the reader may see it: `until` is null while it goes on."""
    return {
        "id": str(viewing.pk),
        "stream": str(viewing.stream_id),
        "viewer": _person(viewing.viewer, reader),
        "source": str(viewing.source),
        "support": viewing.grant_id is not None,
        "from": iso(viewing.first_seen),
        "until": iso(viewing.last_seen) if viewing.ended_at else None,
    }


def _person(user: User | None, reader: User) -> dict[str, str | None] | None:
    """None for somebody whose account is gone; without the name where the reader is not to know it."""
    if user is None:
        return None
    return {"id": str(user.pk), "name": user.name if may_name(reader, user) else None, "role": user.role}


def grant_dict(grant: SupportGrant) -> dict[str, Any]:
    """What an owner allows."""
    return {"id": str(grant.pk), "granted_at": iso(grant.granted_at), "expires_at": iso(grant.expires_at)}
