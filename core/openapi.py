"""Pieces of the OpenAPI document that every room uses."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from core.error_codes import CODES
from core.idempotency import HEADER, KEY_LENGTH_MOST

KEY = OpenApiParameter(
    HEADER,
    location=OpenApiParameter.HEADER,
    description="The same key again gives the same answer for 24 hours, its secret within the first minute.",
    type={"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MOST, "pattern": "^[ -~]+$"},
)
EDITION = OpenApiParameter(
    "If-Match",
    location=OpenApiParameter.HEADER,
    description="An ETag: the call is refused with 412 when there is a newer edition.",
    type={"type": "string", "pattern": "^[ -~]*$"},
)
MEANINGS = {
    400: "The request is not valid.",
    401: "Nobody is signed in, or the session has ended.",
    403: "The CSRF token is wrong, or the role does not allow it.",
    404: "It does not exist, or is somebody else's.",
    409: "Not possible in the present state.",
    412: "It has been changed since; read it again.",
    413: "The body is too large.",
    429: "Too many tries; see Retry-After.",
    503: "A part is down; see Retry-After.",
}


class ErrorSerializer(serializers.Serializer[Any]):
    """The one shape of refusals."""

    code = serializers.ChoiceField(choices=[*CODES])
    detail = serializers.CharField()
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)  # type: ignore[assignment]


def errors(*statuses: int) -> dict[int, OpenApiResponse]:
    """Refusals of a call, for `extend_schema(responses=...)`. 503 is possible everywhere, 400 where one asks."""
    possible = {400, *statuses, 503} if statuses else {503}
    return {status: OpenApiResponse(ErrorSerializer, MEANINGS[status]) for status in sorted(possible)}
