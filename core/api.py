"""The API's manners that everything else stands on: JSON in, refusals out, times printed."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, JsonResponse
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError
from rest_framework import exceptions, serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from core.errors import ApiError, Invalid, NotAuthenticated, NotFound, TooLarge, Unavailable
from core.times import iso

MAX_BODY = 1_000_000  # bytes; nginx refuses the same size


class UtcDateTimeField(serializers.DateTimeField):
    """UTC with milliseconds: `2026-11-23T10:00:00.123Z`."""

    def to_representation(self, value: Any) -> str:
        return iso(value) or ""


def load_json(body: bytes) -> Any:
    """Parse a request's JSON. Raises Invalid for anything that is not JSON, NaN and endless nesting included."""

    def refuse(literal: str) -> None:
        raise ValueError(literal)

    try:
        return json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Invalid({}, _("The body is not valid JSON.")) from error


class SafeJSONParser(BaseParser):
    """JSON only, UTF-8 only, at most MAX_BODY bytes."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLarge
        return load_json(body) if body else {}


def flatten(errors: Any, prefix: str = "") -> dict[str, list[str]]:
    """DRF's nested messages as one level: `{"config.camera": ["..."]}`."""
    if isinstance(errors, dict):
        flat: dict[str, list[str]] = {}
        for key, value in errors.items():
            name = prefix if key == "non_field_errors" else f"{prefix}.{key}" if prefix else str(key)
            flat |= flatten(value, name)
        return flat
    return {prefix or "body": [str(message) for message in (errors if isinstance(errors, list) else [errors])]}


def to_api_error(error: Exception) -> ApiError | None:
    """The refusal that stands for an exception; None when it is a fault of ours."""
    match error:
        case ApiError():
            return error
        case exceptions.ValidationError():
            return Invalid(flatten(error.detail))
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return NotAuthenticated()
        case Http404():
            return NotFound()
        case exceptions.APIException():
            refusal = ApiError(str(error.detail), code=str(error.get_codes()))
            refusal.status = error.status_code
            return refusal
        case RequestDataTooBig():
            return TooLarge()
        case OperationalError():
            return Unavailable(_("The database is away. Try again in a moment."), code="database_unavailable")
        case RedisError():
            return Unavailable(_("The live service is away. Try again in a moment."), code="live_unavailable")
    return None


def headers_of(refusal: ApiError) -> dict[str, str]:
    """What a refusal says in headers."""
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    if refusal.status == status.HTTP_401_UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's hook: every refusal in the one shape."""
    refusal = to_api_error(error)
    if refusal is None:
        return None
    return Response(refusal.body(), status=refusal.status, headers=headers_of(refusal))


def refusal_response(refusal: ApiError) -> JsonResponse:
    """The same answer for views that are plain Django."""
    return JsonResponse(refusal.body(), status=refusal.status, headers=headers_of(refusal))
