"""Playback tokens and the access files beside them (docs/decisions/playback-tokens.md).

nginx checks both by itself: the token's signature and time, and that the viewing's access file is there.
"""

import hashlib
import hmac
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings

from core.times import from_ms, now


def sign(stream: UUID, viewing: UUID, expires: int) -> str:
    """`<expires>.<viewing>.<mac>`; `expires` in seconds since 1970 (10 digits)."""
    text = f"{stream}|{viewing.hex}|{expires}"
    mac = hmac.new(settings.VIDEO_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{expires}.{viewing.hex}.{mac}"


def issue(stream: UUID, viewing: UUID) -> tuple[str, datetime]:
    """A token for a viewing, and when it expires; the access file is there when this returns."""
    expires = int((now() + timedelta(seconds=settings.VIDEO_TOKEN_S)).timestamp())
    path = _access(stream, viewing)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return sign(stream, viewing, expires), from_ms(expires * 1000)


def allowed(stream: UUID, viewing: UUID) -> bool:
    """Whether the viewing's access file is there."""
    return _access(stream, viewing).exists()


def revoke(stream: UUID, viewing: UUID) -> None:
    """From the next request on nginx refuses every token of this viewing."""
    _access(stream, viewing).unlink(missing_ok=True)


def listed() -> list[tuple[UUID, UUID]]:
    """(stream, viewing) of every access file that lies there."""
    found = settings.ACCESS_DIR.glob("*/*") if settings.ACCESS_DIR.exists() else ()
    return [(UUID(path.parent.name), UUID(path.name)) for path in found]


def forget_stream(stream: UUID) -> None:
    """Remove the folder of a stream that is over."""
    with suppress(OSError):  # not there, or a file in it is to be revoked first
        (settings.ACCESS_DIR / str(stream)).rmdir()


def _access(stream: UUID, viewing: UUID) -> Path:
    found: Path = settings.ACCESS_DIR / str(stream) / viewing.hex
    return found
