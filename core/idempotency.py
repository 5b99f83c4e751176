"""Idempotency-Key: a POST that is repeated with its key makes nothing twice, and answers the same.

    @answered_once
    def post(self, request): ...

The answer is kept for a day, encrypted; one with a secret in it for a minute. Only a success uses a key up. What a
treat does with its key is the ledger's (treats/).
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from core.encryption import fernet_for
from core.errors import Conflict, Invalid
from core.models import KeptAnswer
from core.times import now

HEADER = "Idempotency-Key"
KEY_LENGTH_MOST = 200
KEPT, SECRET_KEPT = timedelta(hours=24), timedelta(minutes=1)
WAIT_S, LOOK_S = 10.0, 0.05  # for the first of two at once
HEADERS = ("Location", "ETag", "Cache-Control")
_fernet = fernet_for(b"kept answers")
View = Callable[..., Response]


def key_of(headers: Mapping[str, str]) -> str | None:
    """The key that a request carries. Raises Invalid."""
    key = headers.get(HEADER)
    if key is not None and (not 1 <= len(key) <= KEY_LENGTH_MOST or not key.isprintable()):
        raise Invalid({HEADER: [format_lazy(_("1 to {n} printable characters."), n=KEY_LENGTH_MOST)]})
    return key


def answered_once(post: View) -> View:
    """A view's `post` that honours the key of who is signed in."""

    @wraps(post)
    def answer(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = key_of(request.headers)
        if key is None:
            return post(view, request, *args, **kwargs)
        kept, mine = _take(request.auth.user.pk, request.path, key, _digest(request))
        if not mine:
            return _repeated(kept)
        try:
            made = post(view, request, *args, **kwargs)
        except BaseException:
            kept.delete()
            raise
        _keep(kept, made)
        return made

    return answer


def is_first_time(caller: UUID, path: str, key: str) -> bool:
    """Whether a form with this key comes for the first time; for pages whose answer is shown once, and not again."""
    return KeptAnswer.objects.get_or_create(caller=caller, path=path, key=key, defaults={"begun_at": now()})[1]


def _digest(request: Request) -> str:
    return hashlib.sha256(json.dumps(request.data, sort_keys=True).encode()).hexdigest()


def _take(caller: UUID, path: str, key: str, digest: str) -> tuple[KeptAnswer, bool]:
    """The row of this key, and whether it is this request's to fill. Raises Conflict (`key_reused`, `key_in_use`)."""
    place = {"caller": caller, "path": path, "key": key}
    until = time.monotonic() + WAIT_S
    while True:
        KeptAnswer.objects.filter(**place, begun_at__lt=now() - KEPT).delete()
        kept, mine = KeptAnswer.objects.get_or_create(**place, defaults={"body_digest": digest, "begun_at": now()})
        if kept.body_digest != digest:
            raise Conflict(_("This Idempotency-Key was used for another request."), code="key_reused")
        if mine or kept.status is not None or kept.begun_at < now() - SECRET_KEPT:
            return kept, mine  # or whoever began it died, and nobody knows what it came to
        if time.monotonic() > until:
            raise Conflict(_("The first request with this Idempotency-Key has not ended."), code="key_in_use")
        time.sleep(LOOK_S)


def _keep(kept: KeptAnswer, made: Response) -> None:
    headers = {name: made[name] for name in HEADERS if name in made}
    content = _fernet.encrypt(json.dumps({"data": made.data, "headers": headers}).encode())
    secret = "no-store" in headers.get("Cache-Control", "")
    KeptAnswer.objects.filter(pk=kept.pk).update(status=made.status_code, content=content, secret=secret)


def _repeated(kept: KeptAnswer) -> Response:
    """The same answer. Raises Conflict (`key_used`) when its secret has been shown for long enough."""
    if kept.content is None or (kept.secret and kept.begun_at < now() - SECRET_KEPT):
        text = _("This Idempotency-Key was used, and what it made was shown then; its secret is not shown again.")
        raise Conflict(text, code="key_used")
    told = json.loads(_fernet.decrypt(bytes(kept.content)))
    return Response(told["data"], status=kept.status, headers=told["headers"])


def forget_answers() -> int:
    """Run by beat: secrets go after their minute, keys after their day. Returns how many rows it touched."""
    at = now()
    gone, _counts = KeptAnswer.objects.filter(begun_at__lt=at - KEPT).delete()
    shown = KeptAnswer.objects.filter(Q(secret=True, begun_at__lt=at - SECRET_KEPT), content__isnull=False)
    return gone + shown.update(content=None)
