"""Streams and viewings as plain dicts, for the API, the WebSocket and the pages."""

from typing import Any

from hetri.accounts.models import User
from hetri.core.times import iso
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


def viewing_dict(viewing: Viewing) -> dict[str, Any]:
    """A row of the ledger: `until` is null while it goes on."""
    return {
        "id": str(viewing.pk),
        "stream": str(viewing.stream_id),
        "viewer": _person(viewing.viewer),
        "source": str(viewing.source),
        "support": viewing.grant_id is not None,
        "from": iso(viewing.first_seen),
        "until": iso(viewing.last_seen) if viewing.ended_at else None,
    }


def _person(user: User | None) -> dict[str, str] | None:
    """None for somebody whose account is gone."""
    return None if user is None else {"id": str(user.pk), "name": user.name, "role": user.role}


def grant_dict(grant: SupportGrant) -> dict[str, Any]:
    """What an owner allows."""
    return {"id": str(grant.pk), "granted_at": iso(grant.granted_at), "expires_at": iso(grant.expires_at)}
