"""GET /devices/{id}/telemetry."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from core.api import UtcDateTimeField
from core.calls import ApiView, next_url, query
from core.errors import Invalid
from core.openapi import errors
from core.times import now
from devices.selectors import find_device, windows_of
from telemetry.columns import FELT, PLAIN, bucket_kinds
from telemetry.const import LIMIT_DEFAULT, LIMIT_MOST
from telemetry.payloads import FUTURE_MS
from telemetry.services.history import WIDTHS, Page, TelemetryQuery, buckets, samples

DAY = timedelta(days=1)
AHEAD = timedelta(milliseconds=FUTURE_MS + 1)
EARLIEST, LATEST = (
    datetime.fromisoformat("1970-01-02T00:00:00Z"),
    datetime.fromisoformat("9000-01-01T00:00:00Z"),
)


class TelemetryParams(serializers.Serializer[Any]):
    start = serializers.DateTimeField(required=False, help_text="Inclusive; 24 h before the end, or now, without it.")
    end = serializers.DateTimeField(required=False, help_text="Exclusive; no end without it.")
    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MOST, default=LIMIT_DEFAULT)
    order = serializers.ChoiceField(choices=["desc", "asc"], default="desc")
    shape = serializers.ChoiceField(choices=["rows", "columns"], default="rows")
    resolution = serializers.ChoiceField(choices=["raw", *WIDTHS], default="raw")
    cursor = serializers.CharField(max_length=40, required=False, help_text="From the `next` link.")


def _field(kind: type[float] | type[int]) -> serializers.Field[Any, Any, Any, Any]:
    return serializers.FloatField() if kind is float else serializers.IntegerField()


def _shape(name: str, words: str, fields: dict[str, Any]) -> Any:
    """A serializer made from the table of quantities."""
    return type(f"{name}Serializer", (serializers.Serializer,), {"__doc__": words, **fields})


ActivitySerializer = _shape("Activity", "", {one.name: _field(one.kind) for one in FELT})
LatestSerializer = _shape(
    "Latest",
    "The newest sample.",
    {
        "ts": UtcDateTimeField(),
        **{one.name: _field(one.kind) for one in PLAIN},
        "activity": ActivitySerializer(allow_null=True),
    },
)
SamplePageSerializer = _shape(
    "SamplePage", "", {"results": LatestSerializer(many=True), "next": serializers.URLField(allow_null=True)}
)
SampleColumnsSerializer = _shape(
    "SampleColumns",
    "The same six keys as lists of one length.",
    {
        "ts": serializers.ListField(child=UtcDateTimeField()),
        **{one.name: serializers.ListField(child=_field(one.kind)) for one in PLAIN},
        "activity": serializers.ListField(child=ActivitySerializer(allow_null=True)),
        "next": serializers.URLField(allow_null=True),
    },
)
BucketSerializer = _shape(
    "Bucket",
    "A span of time that has samples; `ts` is its start.",
    {
        "ts": UtcDateTimeField(),
        "count": serializers.IntegerField(),
        **{name: _field(kind) for name, kind in bucket_kinds().items()},
    },
)


class BucketPageSerializer(serializers.Serializer[Any]):
    results = BucketSerializer(many=True)
    next = serializers.URLField(allow_null=True)


BucketColumnsSerializer: Any = inline_serializer(
    "BucketColumns",
    {
        **{name: serializers.ListField(child=field) for name, field in BucketSerializer().get_fields().items()},
        "next": serializers.URLField(allow_null=True),
    },
)


SHAPES: Any = PolymorphicProxySerializer(
    component_name="Telemetry",
    serializers=[
        SamplePageSerializer,
        SampleColumnsSerializer,
        BucketPageSerializer,
        BucketColumnsSerializer,
    ],
    resource_type_field_name=None,
)


def window(wanted: dict[str, Any]) -> tuple[datetime, datetime]:
    """[start, end) of a request; without an end it is open, to the latest ts that a sample may have. Raises Invalid."""
    at = now()
    end = min(max(wanted.get("end") or at + AHEAD, EARLIEST), LATEST)
    start = min(max(wanted.get("start") or (end if "end" in wanted else at) - DAY, EARLIEST), LATEST)
    if "start" in wanted and "end" in wanted and wanted["start"] >= wanted["end"]:
        raise Invalid({"end": [_("The end must be after the start.")]})
    return start, end


def check_cursor(cursor: str | None, resolution: str) -> str | None:
    """The cursor if it is one of ours. Raises Invalid."""
    if cursor is None:
        return None
    try:
        position = str(UUID(cursor)) if resolution == "raw" else str(int(cursor))
    except ValueError as error:
        raise Invalid({"cursor": [_("Not a cursor of this list.")]}) from error
    if resolution != "raw" and not 0 <= int(position) <= LATEST.timestamp():
        raise Invalid({"cursor": [_("Not a cursor of this list.")]})
    return position


class TelemetryView(ApiView):
    @extend_schema(
        operation_id="list_telemetry",
        parameters=[TelemetryParams],
        responses={200: OpenApiResponse(SHAPES), **errors(400, 401, 404)},
    )
    def get(self, request: Request, device_id: UUID) -> HttpResponse:
        """Samples of a window, or buckets of 5 minutes, an hour, a day (the pet's)."""
        user = request.auth.user
        device = find_device(user, device_id)
        wanted = query(TelemetryParams, request)
        start, end = window(wanted)
        wanted_rows = TelemetryQuery(
            device=device,
            windows=list(windows_of(user, device).spans),
            start=start,
            end=end,
            limit=wanted["limit"],
            order=wanted["order"],
            shape=wanted["shape"],
            cursor=check_cursor(wanted.get("cursor"), wanted["resolution"]),
        )
        found = samples(wanted_rows) if wanted["resolution"] == "raw" else buckets(wanted_rows, wanted["resolution"])
        return HttpResponse(_body(request, wanted_rows, found), content_type="application/json")


def _body(request: Request, query: TelemetryQuery, page: Page) -> str:
    """Close the JSON with the link to the next page, which keeps this window."""
    link = page.next and next_url(request, cursor=page.next, start=_exact(query.start), end=_exact(query.end))
    return f'{page.json},"next":{json.dumps(link)}}}'


def _exact(moment: datetime) -> str:
    """To the microsecond: cut to milliseconds, a window would move between two pages."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
