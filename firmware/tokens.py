"""The address under which one job's collar finds its release; nobody else can guess it."""

import hashlib
import hmac
from uuid import UUID

from django.conf import settings


def token_of(job: UUID) -> str:
    """HMAC-SHA256 of the job's id, in hex."""
    return hmac.new(settings.SECRET_KEY.encode(), b"update|" + job.bytes, hashlib.sha256).hexdigest()


def path_of(job: UUID) -> str:
    """`/firmware/<job>/<token>`; its parts are manifest, signature and program."""
    return f"/firmware/{job}/{token_of(job)}"


def matches(job: UUID, token: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(token.encode(), token_of(job).encode())
