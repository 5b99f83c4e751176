"""What the gate asks and tells through the media server's nginx. A 302 is consent: only `publish` ever answers one.

No middleware comes between to redirect: APPEND_SLASH and SECURE_SSL_REDIRECT are off in settings.py, and the
locale's middleware redirects translated paths only, of which there is none. The public nginx has no such path.
"""

import hmac
import re
from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.views.decorators.csrf import csrf_exempt

from streaming import media
from streaming.services import streams

NAMED_ONCE = ("app", "name")
_RUN = re.compile(r"([0-9a-f]{32})-([0-9a-f]{32})\Z")
Hook = Callable[[HttpRequest], HttpResponse]


def _from_media_server(hook: Hook) -> Hook:
    """Refuse who does not know the secret, in constant time, and whatever else goes wrong: 403, never a redirect."""

    @csrf_exempt
    @wraps(hook)
    def checked(request: HttpRequest) -> HttpResponse:
        shown = request.headers.get("X-Hetri-Hook", "").encode()
        if request.method != "POST" or not hmac.compare_digest(shown, settings.HOOK_SECRET.encode()):
            return HttpResponseForbidden()
        # The query of the publisher's URL is appended to the fields: a second one may be of its making.
        if any(len(request.POST.getlist(name)) != 1 for name in NAMED_ONCE) or request.POST["app"] != media.APP:
            return HttpResponseForbidden()
        return hook(request)

    return checked


@_from_media_server
def publish(request: HttpRequest) -> HttpResponse:
    """Consent is a 302 whose Location is the stream's internal name, so that no path holds the key."""
    given = request.POST.getlist("key")
    try:
        device_id = UUID(request.POST["name"])
    except ValueError:
        return HttpResponseForbidden()
    if len(given) != 1 or str(device_id) != request.POST["name"]:
        return HttpResponseForbidden()
    name = streams.admit_publisher(device_id=device_id, key=given[0])
    if name is None:
        return HttpResponseForbidden()
    return HttpResponse(status=302, headers={"Location": name})


@_from_media_server
def publish_done(request: HttpRequest) -> HttpResponse:
    """A publisher is gone; one whose pictures were refused is not asked for others."""
    found = _RUN.match(request.POST["name"])
    if found:
        stream, run = (UUID(part) for part in found.groups())
        reason = request.POST.get("reason")
        if reason in streams.REFUSALS:
            streams.pictures_refused(stream_id=stream, run=run, reason=reason)
        else:
            streams.publisher_gone(stream_id=stream, run=run)
    return HttpResponse()
