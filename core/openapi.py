"""Pieces of the OpenAPI document that every room uses."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

MEANINGS = {
    400: "The request is not valid.",
    401: "Nobody is signed in, or the session has ended.",
    403: "The CSRF token is wrong, or the role does not allow it.",
    404: "It does not exist, or is somebody else's.",
    409: "Not possible in the present state.",
    413: "The body is too large.",
    429: "Too many tries; see Retry-After.",
    503: "A part is down; see Retry-After.",
}


class ErrorSerializer(serializers.Serializer[Any]):
    """The one shape of refusals."""

    code = serializers.CharField()
    detail = serializers.CharField()
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)  # type: ignore[assignment]


def errors(*statuses: int) -> dict[int, OpenApiResponse]:
    """Refusals of a call, for `extend_schema(responses=...)`. 503 is possible everywhere."""
    return {status: OpenApiResponse(ErrorSerializer, MEANINGS[status]) for status in (*statuses, 503)}
