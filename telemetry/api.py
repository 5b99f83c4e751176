"""GET /devices/{id}/telemetry."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from core.api import UtcDateTimeField, next_url, query
from core.errors import Invalid
from core.openapi import errors
from core.times import now
from devices.api.serializers import ActivitySerializer, LatestSerializer
from devices.selectors import find_device, windows_of
from telemetry.payloads import FUTURE_MS
from telemetry.services.history import WIDTHS, Answer, Ask, buckets, samples

LIMIT_DEFAULT, LIMIT_MAX = 1000, 10_000
DAY = timedelta(days=1)
AHEAD = timedelta(milliseconds=FUTURE_MS + 1)
EARLIEST, LATEST = (
    datetime.fromisoformat("1970-01-02T00:00:00Z"),
    datetime.fromisoformat("9000-01-01T00:00:00Z"),
)


class TelemetryQuery(serializers.Serializer[Any]):
    start = serializers.DateTimeField(required=False, help_text="Inclusive; 24 h before the end, or now, without it.")
    end = serializers.DateTimeField(required=False, help_text="Exclusive; no end without it.")
    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MAX, default=LIMIT_DEFAULT)
    order = serializers.ChoiceField(choices=["desc", "asc"], default="desc")
    shape = serializers.ChoiceField(choices=["rows", "columns"], default="rows")
    resolution = serializers.ChoiceField(choices=["raw", *WIDTHS], default="raw")
    cursor = serializers.CharField(max_length=40, required=False, help_text="From the `next` link.")


class SamplePageSerializer(serializers.Serializer[Any]):
    results = LatestSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class SampleColumnsSerializer(serializers.Serializer[Any]):
    """The same six keys as lists of one length."""

    ts = serializers.ListField(child=UtcDateTimeField())
    accel_x = serializers.ListField(child=serializers.FloatField())
    accel_y = serializers.ListField(child=serializers.FloatField())
    accel_z = serializers.ListField(child=serializers.FloatField())
    battery_level = serializers.ListField(child=serializers.FloatField())
    activity = serializers.ListField(child=ActivitySerializer(allow_null=True))
    next = serializers.URLField(allow_null=True)


class BucketSerializer(serializers.Serializer[Any]):
    """A span of time that has samples; `ts` is its start."""

    ts = UtcDateTimeField()
    count = serializers.IntegerField()
    accel_x_min = serializers.FloatField()
    accel_x_mean = serializers.FloatField()
    accel_x_max = serializers.FloatField()
    accel_y_min = serializers.FloatField()
    accel_y_mean = serializers.FloatField()
    accel_y_max = serializers.FloatField()
    accel_z_min = serializers.FloatField()
    accel_z_mean = serializers.FloatField()
    accel_z_max = serializers.FloatField()
    battery_level_min = serializers.FloatField()
    battery_level_max = serializers.FloatField()
    active_s = serializers.IntegerField()
    steps = serializers.IntegerField()


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
        raise Invalid({"end": ["The end must be after the start."]})
    return start, end


def check_cursor(cursor: str | None, resolution: str) -> str | None:
    """The cursor if it is one of ours. Raises Invalid."""
    if cursor is None:
        return None
    try:
        position = str(UUID(cursor)) if resolution == "raw" else str(int(cursor))
    except ValueError as error:
        raise Invalid({"cursor": ["Not a cursor of this list."]}) from error
    if resolution != "raw" and not 0 <= int(position) <= LATEST.timestamp():
        raise Invalid({"cursor": ["Not a cursor of this list."]})
    return position


class TelemetryView(APIView):
    @extend_schema(
        operation_id="devices_telemetry_list",
        parameters=[TelemetryQuery],
        responses={200: OpenApiResponse(SHAPES), **errors(400, 401, 404)},
    )
    def get(self, request: Request, device_id: UUID) -> HttpResponse:
        """Samples of a window, or buckets of 5 minutes, an hour, a day (the pet's)."""
        user = request.auth.user
        device = find_device(user, device_id)
        wanted = query(TelemetryQuery, request)
        start, end = window(wanted)
        ask = Ask(
            device=device,
            windows=list(windows_of(user, device).spans),
            start=start,
            end=end,
            limit=wanted["limit"],
            order=wanted["order"],
            shape=wanted["shape"],
            cursor=check_cursor(wanted.get("cursor"), wanted["resolution"]),
        )
        answer = samples(ask) if wanted["resolution"] == "raw" else buckets(ask, wanted["resolution"])
        return HttpResponse(_body(request, ask, answer), content_type="application/json")


def _body(request: Request, ask: Ask, answer: Answer) -> str:
    """Close the JSON with the link to the next page, which keeps this window."""
    link = answer.next and next_url(request, cursor=answer.next, start=_exact(ask.start), end=_exact(ask.end))
    return f'{answer.json},"next":{json.dumps(link)}}}'


def _exact(moment: datetime) -> str:
    """To the microsecond: cut to milliseconds, a window would move between two pages."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
