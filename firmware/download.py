"""What collars download, piece by piece (RFC 9110, 14.2)."""

import re
from uuid import UUID

from django.db.models import BinaryField, F, Func, Value
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.views.decorators.http import require_GET

from firmware.models import PARTS, Release
from firmware.services import jobs

MOST = 65_536  # bytes of one answer
_RANGE = re.compile(r"bytes=(\d{1,9})-(\d{1,9})\Z")


@require_GET
def piece(request: HttpRequest, job_id: UUID, token: str, part: str) -> HttpResponse:
    """The asked range of a part: 206, or 416 past its end. 404 for who has no open job."""
    release = jobs.release_of(job_id=job_id, token=token) if part in PARTS else None
    if release is None:
        return HttpResponseNotFound()
    asked = _RANGE.match(request.headers.get("Range", ""))
    if not asked:
        return HttpResponse("Ask for a range.", status=416, content_type="text/plain")
    first, last = (int(number) for number in asked.groups())
    body = _slice(release, part, first, min(last - first + 1, MOST)) if last >= first else b""
    if not body:
        return HttpResponse(status=416)
    answer = HttpResponse(body, status=206, content_type="application/octet-stream")
    answer["Content-Range"] = f"bytes {first}-{first + len(body) - 1}/*"
    answer["Cache-Control"] = "no-store"
    return answer


def _slice(release: Release, part: str, first: int, count: int) -> bytes:
    """Cut out by the database: a program is never read whole for a piece of it."""
    cut = Func(F(part), Value(first + 1), Value(count), function="substring", output_field=BinaryField())
    return bytes(Release.objects.filter(pk=release.pk).values_list(cut, flat=True).get())
