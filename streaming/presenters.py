"""Streams and viewings as the API, the WebSocket and the pages show them."""

from typing import Annotated, Literal, TypedDict

from accounts.models import User
from accounts.roles import may_name
from core.resources import Moment, Url, Uuid, choice
from core.times import iso
from streaming.models import StreamSession, SupportGrant, Viewing


class StreamResource(TypedDict):
    """What a page needs to know of a stream; pushed as `stream` at each change."""

    stream: Uuid
    state: str
    reason: str | None
    requested_at: Moment
    live_at: Moment | None
    ended_at: Moment | None


class VideoUrlResource(TypedDict):
    """Where to play; `state` is live once the first segment is there."""

    url: Url
    state: Literal["starting", "live"]
    expires_at: Moment


class VideoTokenResource(TypedDict):
    """A new token for /v/<stream>/<token>/."""

    token: str
    stream: Uuid
    expires_at: Moment


class ViewerResource(TypedDict):
    """Somebody who watched; the name is null where staff read of an owner."""

    id: Uuid
    name: str | None
    role: str


ViewingResource = TypedDict(
    "ViewingResource",
    {
        "id": Uuid,
        "stream": Uuid,
        "viewer": ViewerResource | None,
        "source": Annotated[str, choice(*Viewing.Source.choices)],
        "support": bool,
        "from": Moment,  # a word of Python, so not an attribute
        "until": Moment | None,
    },
)
ViewingResource.__doc__ = "Who watched, from when to when; `until` is null while it goes on."


class SupportGrantResource(TypedDict):
    """Staff may watch until `expires_at`."""

    id: Uuid
    granted_at: Moment
    expires_at: Moment


def stream_resource(stream: StreamSession) -> StreamResource:
    """A stream as it is now."""
    return {
        "stream": str(stream.pk),
        "state": str(stream.state),
        "reason": stream.reason or None,
        "requested_at": iso(stream.requested_at),
        "live_at": iso(stream.live_at),
        "ended_at": iso(stream.ended_at),
    }


def viewing_resource(viewing: Viewing, reader: User) -> ViewingResource:
    """A row of the ledger as the reader may see it."""
    return {
        "id": str(viewing.pk),
        "stream": str(viewing.stream_id),
        "viewer": _person(viewing.viewer, reader),
        "source": str(viewing.source),
        "support": viewing.grant_id is not None,
        "from": iso(viewing.first_seen or viewing.asked_at),
        "until": iso(viewing.last_seen) if viewing.ended_at else None,
    }


def _person(user: User | None, reader: User) -> ViewerResource | None:
    """None for somebody whose account is gone; without the name where the reader is not to know it."""
    if user is None:
        return None
    return {"id": str(user.pk), "name": user.name if may_name(reader, user) else None, "role": user.role}


def grant_resource(grant: SupportGrant) -> SupportGrantResource:
    """What an owner allows."""
    return {"id": str(grant.pk), "granted_at": iso(grant.granted_at), "expires_at": iso(grant.expires_at)}
