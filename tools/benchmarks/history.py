"""history: 10,000 samples as columns by GET /devices/{id}/telemetry; the floor is a plain DRF ModelSerializer list."""

import json
import time
from collections.abc import Callable
from uuid import UUID

from django.test import Client, RequestFactory, override_settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from broker.messages import Message
from core.ids import to_ms
from core.times import now
from devices.selectors import find_device
from telemetry.api import DAY
from telemetry.models import Sample
from telemetry.services.ingest import store
from tools.benchmarks.people import make_devices, make_owner
from tools.benchmarks.report import percentile, report

COUNT, TIMES = 10_000, 12


class PlainSerializer(serializers.ModelSerializer[Sample]):
    """What one would write first: the same six keys."""

    activity = serializers.SerializerMethodField()

    class Meta:
        model = Sample
        fields = ["ts", "accel_x", "accel_y", "accel_z", "battery_level", "activity"]

    def get_activity(self, sample: Sample) -> dict[str, int | None] | None:
        """The four figures, or None."""
        if sample.active_s is None:
            return None
        names = ("sd_mg", "odba_mg", "active_s", "steps")
        return {name: getattr(sample, name) for name in names}


class PlainView(APIView):
    """The list as plain DRF, behind the same sign-in."""

    def get(self, request: Request, device_id: UUID) -> Response:
        """Newest first."""
        device = find_device(request.auth.user, device_id)
        rows = Sample.objects.filter(device=device, ts__gte=now() - DAY).order_by("-ts")[:COUNT]
        return Response({"results": PlainSerializer(rows, many=True).data, "next": None})


def run() -> None:
    """Both read the same rows and end in bytes of JSON."""
    owner, token = make_owner()
    device = make_devices(owner, 1)[0][0]
    _fill(device.pk)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    path = f"/devices/{device.pk}/telemetry?shape=columns&limit={COUNT}"

    def ours() -> bytes:
        return client.get(path).content

    def plain() -> bytes:
        request = RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
        request.session = {}  # type: ignore[assignment]
        return bytes(PlainView.as_view()(request, device_id=device.pk).render().content)

    with override_settings(ALLOWED_HOSTS=["testserver"]):
        assert len(json.loads(ours())["ts"]) == len(json.loads(plain())["results"]) == COUNT
        our_s, plain_s = _time(ours), _time(plain)
    report("history", plain_s / our_s, (1 / our_s, "answers/s"), (1 / plain_s, "answers/s"), samples=COUNT)


def _fill(device_id: UUID) -> None:
    start = to_ms(now()) - COUNT * 8_000
    felt = {"sd_mg": 212, "odba_mg": 140, "active_s": 3, "steps": 2}
    base: dict[str, object] = {
        "accel_x": 0.01,
        "accel_y": -0.98,
        "accel_z": 0.12,
        "battery_level": 87.5,
        "activity": felt,
    }
    for first in range(0, COUNT, 80):
        samples = [{**base, "seq": number, "ts": start + number * 8_000} for number in range(first, first + 80)]
        payload = json.dumps({"v": 1, "boot": "00000001", "batch": first, "samples": samples}).encode()
        store([Message(device_id, "bench", payload, False, to_ms(now()))])


def _time(call: Callable[[], bytes]) -> float:
    """The median of TIMES calls, in seconds."""
    found = []
    for _ in range(TIMES):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return percentile(found, 0.5)
