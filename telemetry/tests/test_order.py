"""Any order, repeat and cut of the same batches leaves the same rows, rollups and newest sample."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.ids import to_ms
from core.times import from_ms, now
from devices.models import Device
from telemetry import partitions
from telemetry.models import Rollup, RollupMark, Sample
from telemetry.services.ingest import store
from telemetry.tests.conftest import message, reading, roll_up
from tools.testing import WHOLE

Maker = Callable[..., Device]


def state(device: Device) -> tuple[Any, ...]:
    """All that a set of batches leaves behind, ids of rollups aside."""
    roll_up()
    device.refresh_from_db()
    samples = Sample.objects.filter(device=device).order_by("id")
    stored = list(samples.values_list("id", "ts", "boot", "seq", "accel_x", "battery_level", "active_s"))
    names = [field.attname for field in Rollup._meta.fields if field.attname != "late_at"]  # says when, of itself
    buckets = list(Rollup.objects.filter(device=device).order_by("width", "start").values(*names))
    for bucket in buckets:
        del bucket["id"]
    assert buckets == recomputed(device)
    newest = samples.last()
    assert newest is not None
    assert device.latest_key == newest.pk
    return stored, buckets, device.latest


def recomputed(device: Device) -> list[dict[str, Any]]:
    """The buckets as plain Python makes them of the samples."""
    buckets = []
    for width in (300, 3600):
        groups: dict[int, list[Sample]] = {}
        for one in Sample.objects.filter(device=device):
            groups.setdefault(to_ms(one.ts) // 1000 // width * width, []).append(one)
        buckets += [bucket_of(device, width, start, group) for start, group in sorted(groups.items())]
    return buckets


def bucket_of(device: Device, width: int, start: int, group: list[Sample]) -> dict[str, Any]:
    bucket: dict[str, Any] = {"device_id": device.pk, "width": width, "start": from_ms(start * 1000)}
    bucket["count"] = len(group)
    for name in ("accel_x", "accel_y", "accel_z"):
        values = [getattr(one, name) for one in group]
        bucket[f"{name}_sum"] = sum(round(value * 1_000_000) for value in values)
        bucket |= {f"{name}_min": min(values), f"{name}_max": max(values)}
    levels = [one.battery_level for one in group]
    bucket |= {"battery_level_min": min(levels), "battery_level_max": max(levels)}
    return {
        **bucket,
        "active_s": sum(one.active_s or 0 for one in group),
        "steps": sum(one.steps or 0 for one in group),
    }


BASE = now().replace(minute=2, second=0, microsecond=0) - timedelta(hours=2)
one_reading = st.builds(
    lambda seq, minutes, x, felt: reading(seq, BASE + timedelta(minutes=minutes), accel_x=x, activity=felt),
    st.integers(0, 5),
    st.integers(0, 70),
    st.floats(-16, 16, allow_nan=False),
    st.none() | st.just({"sd_mg": 1, "odba_mg": 2, "active_s": 3, "steps": 4}),
)


@settings(max_examples=25 if WHOLE else 12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), drawn=st.lists(st.lists(one_reading, min_size=1, max_size=4), min_size=1, max_size=5))
def test_every_order_and_repeat_leaves_the_same(make_device: Maker, data: st.DataObject, drawn: Any) -> None:
    # An identity is fixed before it is first sent: the same (boot, seq, ts) always carries the same values.
    fixed: dict[Any, Any] = {}
    batches = [[fixed.setdefault((one["seq"], one["ts"]), one) for one in batch] for batch in drawn]
    device = make_device()
    messages = [message(device, *batch, batch=number) for number, batch in enumerate(batches)]
    shuffled = data.draw(st.permutations(messages + data.draw(st.lists(st.sampled_from(messages), max_size=3))))
    outcomes = []
    for arrival, cut in ((messages, len(messages)), (shuffled, data.draw(st.integers(1, 3)))):
        with transaction.atomic():
            for first in range(0, len(arrival), cut):
                store(arrival[first : first + cut])
            outcomes.append(state(device))
            transaction.set_rollback(True)
        partitions.forget()
    assert outcomes[0] == outcomes[1]
    assert not RollupMark.objects.filter(device_id=device.pk).exists()
