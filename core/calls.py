"""What the API's calls are made of: parameters and bodies read, lists cut into pages, secrets answered."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import flatten
from core.errors import Invalid

UNKNOWN = _("There is no such key.")


class ApiView(APIView):
    """A call of the API. It takes what the OpenAPI document names and nothing else: who misspells a key is told."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """As DRF's; then raises Invalid for query parameters, and for a body, that this call does not have."""
        super().initial(request, *args, **kwargs)
        names, takes_body = _documented(self, str(request.method))
        unknown = set(request.query_params) - names
        if not takes_body and request.content_type == "application/json" and request.data:
            unknown |= set(request.data) if isinstance(request.data, dict) else {"body"}
        if unknown:
            raise Invalid({name: [UNKNOWN] for name in sorted(unknown)})


_found: dict[tuple[type, str], tuple[frozenset[str], bool]] = {}


def _documented(view: APIView, method: str) -> tuple[frozenset[str], bool]:
    """The names of the query parameters that `extend_schema` gives this call, and whether it has a body."""
    place = (type(view), method)
    if place not in _found:
        schema = getattr(view, method.lower()).kwargs["schema"]()
        schema.view, schema.method = view, method
        names = [_names_of(one) for one in schema.get_override_parameters()]
        takes_body = method != "POST" or schema.get_request_serializer() is not None
        _found[place] = frozenset(name for found in names for name in found), takes_body
    return _found[place]


def _names_of(parameter: Any) -> list[str]:
    if isinstance(parameter, OpenApiParameter):
        return [parameter.name] if parameter.location == OpenApiParameter.QUERY else []
    return list(parameter().fields)


def unknown_keys(reader: serializers.BaseSerializer[Any], data: Any, prefix: str = "") -> dict[str, list[Any]]:
    """The keys of a body that the serializer does not have, nested ones with dots."""
    if not isinstance(reader, serializers.Serializer) or not isinstance(data, Mapping):
        return {}
    found = {f"{prefix}{key}": [UNKNOWN] for key in data if key not in reader.fields}
    for name, field in reader.fields.items():
        found |= unknown_keys(field, data.get(name), f"{prefix}{name}.")  # type: ignore[arg-type]
    return found


def checked(reader: serializers.Serializer[Any], besides: Collection[str] = ()) -> dict[str, Any]:
    """What a serializer makes of its data. Raises Invalid, also for keys that are neither its own nor `besides`."""
    unknown = {name: why for name, why in unknown_keys(reader, reader.initial_data).items() if name not in besides}
    if not reader.is_valid() or unknown:
        raise Invalid({**flatten(reader.errors), **unknown})
    return dict(reader.validated_data)


def query(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The query string read through a serializer, so that no raw text reaches the database."""
    reader = shape(data=request.query_params.dict())
    reader.is_valid(raise_exception=True)
    return dict(reader.validated_data)


def read(
    shape: type[serializers.Serializer[Any]], request: Request, besides: Collection[str] = (), **options: Any
) -> dict[str, Any]:
    """The body read through a serializer. Raises Invalid. Keys that are `besides` are ignored, others refused."""
    return checked(shape(data=request.data, **options), besides)


def secret(body: Mapping[str, object], status: int = 200, **headers: str) -> Response:
    """An answer that is shown this once: nobody on the way keeps it."""
    return Response(dict(body), status=status, headers={**headers, "Cache-Control": "no-store"})


def next_url(request: HttpRequest | Request, **changes: object) -> str:
    """This request's absolute URL with some query parameters changed."""
    kept = {**request.GET.dict(), **{key: str(value) for key, value in changes.items()}}
    return request.build_absolute_uri(f"{request.path}?{urlencode(kept)}")


class PageQuery(serializers.Serializer[Any]):
    """Query parameters of every list."""

    cursor = serializers.UUIDField(required=False, help_text="From the `next` link of the page before.")


def page(
    request: Request, rows: QuerySet[Any], shape: type[serializers.BaseSerializer[Any]], size: int = 50
) -> Response:
    """Newest first by key (UUIDv7): `{"results": [...], "next": url or null}`. Keyset, no count, no offset."""
    cursor: UUID | None = query(PageQuery, request).get("cursor")
    if cursor is not None:
        rows = rows.filter(pk__lt=cursor)
    found = list(rows.order_by("-pk")[: size + 1])
    more = next_url(request, cursor=found[size - 1].pk) if len(found) > size else None
    return Response({"results": shape(found[:size], many=True, context={"request": request}).data, "next": more})
