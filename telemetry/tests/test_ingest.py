"""store(): what is kept, what is refused, and that order and repeats do not matter."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.models import Device
from devices.mqtt.messages import Receipt
from hetri.core.ids import to_ms
from hetri.core.times import now
from telemetry import partitions
from telemetry.models import RejectedMessage, RollupMark, Sample
from telemetry.services.ingest import store
from telemetry.services.rollups import recompute
from telemetry.tests.conftest import message, raw, reading, rows

Maker = Callable[..., Device]


def refusals(device: Device) -> list[str]:
    return list(RejectedMessage.objects.filter(device=device).order_by("id").values_list("reason", flat=True))


def test_it_stores_and_gives_a_receipt(make_device: Maker) -> None:
    device = make_device()
    assert store([message(device, reading(1), reading(2), batch=7)]) == [
        Receipt(f"devices/{device.pk}/telemetry", "9f3a61c2", 7, 2, 0)
    ]
    assert sorted(Sample.objects.filter(device=device).values_list("boot", "seq")) == [
        ("9f3a61c2", 1),
        ("9f3a61c2", 2),
    ]


def test_a_repeat_counts_as_stored_and_changes_nothing(make_device: Maker) -> None:
    device = make_device()
    batch = message(device, reading(1), reading(2))
    first = store([batch])
    assert store([batch, batch]) == first * 2
    assert Sample.objects.filter(device=device).count() == 2


def test_the_same_ts_of_another_boot_is_another_sample(make_device: Maker) -> None:
    device, at = make_device(), now()
    store([message(device, reading(1, at)), message(device, reading(1, at), boot="00000001")])
    assert Sample.objects.filter(device=device).count() == 2


def test_bad_samples_are_set_aside_and_the_rest_is_stored(make_device: Maker) -> None:
    device = make_device()
    bad: list[Any] = [
        reading(1, accel_x=16.1),
        reading(2, battery_level=-0.1),
        reading(3, accel_y="1"),
        reading(4, accel_z=True),
        {"seq": 5},
        reading(6, ts=to_ms(now() - timedelta(days=401))),
        reading(7, ts=to_ms(now() + timedelta(minutes=6))),
        reading(8, activity={"sd_mg": 1}),
        reading(-1),
        reading(2**63),
        "text",
    ]
    (receipt,) = store([message(device, *bad, reading(9), reading(10, activity=None))])
    assert (receipt.stored, receipt.rejected) == (2, len(bad))
    assert [reason.split(":")[0] for reason in refusals(device)] == [
        *("out_of_range", "out_of_range", "bad_type", "bad_type", "missing", "too_old", "in_the_future"),
        *("bad_value", "out_of_range", "out_of_range", "bad_type"),
    ]


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_a_number_that_is_none_spoils_only_its_sample(make_device: Maker, literal: bytes) -> None:
    device = make_device()
    payload = message(device, reading(1), reading(2, accel_x=0.5)).payload.replace(b"0.5", literal)
    (receipt,) = store([raw(device, payload)])
    assert (receipt.stored, receipt.rejected) == (1, 1)
    assert refusals(device) == ["bad_number: accel_x"]


@pytest.mark.parametrize(
    "poison",
    [b"[" * 900 + b"]" * 900, b'{"a":' * 500 + b"1" + b"}" * 500, b"9" * 6000, b'"\\ud800\\u0000"', b'{"seq":1e400}'],
    ids=["deep list", "deep object", "endless digits", "surrogate and NUL", "too large a float"],
)
def test_a_poisonous_sample_spoils_only_itself(make_device: Maker, poison: bytes) -> None:
    device = make_device()
    payload = message(device, reading(1), "POISON").payload.replace(b'"POISON"', poison)
    (receipt,) = store([raw(device, payload)])
    assert (receipt.stored, receipt.rejected) == (1, 1)
    assert len(refusals(device)) == 1


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "bad_json"),
        (b"[" * 10_000, "bad_json"),
        (b"\xff\x00", "bad_json"),
        (b"[]", "bad_type: message"),
        (b'{"v":2,"boot":"9f3a61c2","batch":1,"samples":[]}', "bad_version"),
        (
            b'{"v":1,"boot":"nonsense","batch":1,"samples":[]}',
            "bad_header: boot must be 8 hex digits, batch a count",
        ),
        (b" " * 16_385, "too_large"),
    ],
)
def test_a_message_that_is_none_is_set_aside(make_device: Maker, payload: bytes, reason: str) -> None:
    device = make_device()
    assert store([raw(device, payload)]) == []
    assert refusals(device) == [reason]


@pytest.mark.parametrize(
    ("samples", "rejected"),
    [([{}] * 501, 501), ("no list", 0), ([], 0), (None, 0)],
    ids=["many", "text", "empty", "null"],
)
def test_a_refused_message_still_gets_a_receipt(make_device: Maker, samples: Any, rejected: int) -> None:
    device = make_device()
    body = {"v": 1, "boot": "9f3a61c2", "batch": 4, "ack": True, "samples": samples}
    assert store([raw(device, json.dumps(body).encode())]) == [
        Receipt(f"devices/{device.pk}/telemetry", "9f3a61c2", 4, 0, rejected)
    ]


def test_a_full_message_of_exactly_16_kib_is_stored(make_device: Maker) -> None:
    device = make_device()
    payload = message(device, *(reading(number) for number in range(100))).payload
    (receipt,) = store([raw(device, payload[:-1] + b" " * (16_384 - len(payload)) + b"}")])
    assert receipt.stored == 100


def test_unknown_and_retired_collars_store_nothing(make_device: Maker) -> None:
    retired = make_device(status="retired", retired_at=now())
    unknown = Device(pk="00000000-0000-7000-8000-000000000000")
    receipts = store([message(retired, reading(1)), message(unknown, reading(1), reading(2))])
    assert [(receipt.stored, receipt.rejected) for receipt in receipts] == [(0, 1), (0, 2)]
    assert not Sample.objects.exists()


def test_refusals_of_a_device_are_bounded(make_device: Maker, settings: Any) -> None:
    settings.REJECTED_PER_DEVICE = 5
    device, other = make_device(), make_device()
    store([message(other, reading(-1))])
    for batch in range(4):
        store([message(device, *(reading(-1) for _ in range(3)), batch=batch)])
    assert (len(refusals(device)), len(refusals(other))) == (5, 1)


def test_the_newest_by_ts_is_latest_whatever_came_last(make_device: Maker) -> None:
    device, at = make_device(), now()
    store([message(device, reading(2, at, battery_level=50))])
    store([message(device, reading(1, at - timedelta(hours=1), battery_level=60))])
    device.refresh_from_db()
    assert device.latest is not None
    assert device.latest["battery_level"] == 50


def test_latest_starts_anew_for_a_new_owner(make_device: Maker) -> None:
    device = make_device(owned_since=now())
    store([message(device, reading(1, now() - timedelta(minutes=1)))])
    device.refresh_from_db()
    assert device.latest is None
    assert device.last_seen is not None


def test_a_missing_partition_is_made_on_the_way(make_device: Maker) -> None:
    device = make_device()
    store([message(device, reading(1, now() - timedelta(days=399)), reading(2))])
    assert Sample.objects.filter(device=device).count() == 2


def test_partitions_are_made_ahead_and_dropped_when_expired(make_device: Maker, settings: Any) -> None:
    device = make_device()
    partitions.make_ahead()
    store([message(device, reading(1, now() - timedelta(days=30)), reading(2))])
    settings.RETENTION_DAYS = 10
    assert len(partitions.drop_expired()) == 1
    assert Sample.objects.filter(device=device).count() == 1
    ((names,),) = rows("SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry_sample'::regclass")
    assert names >= partitions.AHEAD_DAYS + 1


def test_late_samples_correct_the_rollups(make_device: Maker) -> None:
    device, at = make_device(), now().replace(minute=10, second=0, microsecond=0) - timedelta(hours=1)
    store([message(device, reading(1, at, battery_level=50))])
    recompute()
    store([message(device, reading(2, at + timedelta(minutes=1), battery_level=40))])
    recompute()
    found = rows("SELECT width, count, battery_level_min FROM telemetry_rollup ORDER BY width")
    assert found == [(300, 2, 40.0), (3600, 2, 40.0)]


def state(device: Device) -> tuple[Any, ...]:
    """All that a set of batches leaves behind, ids of rollups aside."""
    while recompute():
        pass
    device.refresh_from_db()
    samples = rows("SELECT id, ts, boot, seq, accel_x, battery_level, active_s FROM telemetry_sample ORDER BY id")
    rollups = rows("SELECT * FROM telemetry_rollup ORDER BY width, start")
    return samples, [row[1:] for row in rollups], device.latest, device.latest_key


BASE = now().replace(minute=2, second=0, microsecond=0) - timedelta(hours=2)
one_reading = st.builds(
    lambda seq, minutes, x: reading(seq, BASE + timedelta(minutes=minutes), accel_x=x),
    st.integers(0, 5),
    st.integers(0, 70),
    st.floats(-16, 16, allow_nan=False).map(lambda value: round(value, 6)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    assert not RollupMark.objects.exists()
