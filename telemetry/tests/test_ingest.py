"""store(): what is kept, what is refused, and that order and repeats do not matter."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from broker.messages import Receipt
from core import clock
from core.ids import to_ms
from core.models import ClockMark
from core.times import now
from devices.models import Device
from telemetry.models import RejectedMessage, Sample
from telemetry.services.ingest import store
from telemetry.tests.conftest import message, raw, reading

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


def test_a_repeat_with_other_values_changes_nothing(make_device: Maker) -> None:
    device, at = make_device(), now()
    store(
        [
            message(device, reading(1, at, accel_x=1), reading(1, at, accel_x=2)),
            message(device, reading(1, at, accel_x=3)),
        ]
    )
    store([message(device, reading(1, at, accel_x=4), reading(2, at - timedelta(minutes=1)))])
    device.refresh_from_db()
    assert Sample.objects.get(device=device, seq=1).accel_x == 1
    assert device.latest is not None
    assert device.latest["accel_x"] == 1


def test_the_same_seq_at_another_time_is_another_sample(make_device: Maker) -> None:
    device, at = make_device(), now()
    store([message(device, reading(1, at), reading(1, at - timedelta(seconds=1)))])
    assert Sample.objects.filter(device=device).count() == 2


def test_a_row_that_the_table_refuses_is_set_aside_alone(make_device: Maker) -> None:
    device, other = make_device(), make_device()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE telemetry_sample ADD CONSTRAINT unlucky CHECK (seq <> 1300013)")
    receipts = store(
        [message(device, *(reading(1300000 + number) for number in range(20))), message(other, reading(1))]
    )
    assert [(receipt.stored, receipt.rejected) for receipt in receipts] == [(19, 1), (1, 0)]
    assert Sample.objects.filter(device__in=[device, other]).count() == 20
    assert refusals(device) == ["unstorable"]


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


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000])
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
        ('{"v":1}'.encode("utf-16"), "bad_json"),
        (b"[]", "bad_type: message"),
        (b'{"v":2,"boot":"9f3a61c2","batch":1,"samples":[]}', "bad_version"),
        (
            b'{"v":1,"boot":"nonsense","batch":1,"samples":[]}',
            "bad_header: boot must be 8 hex digits, batch a count",
        ),
        (
            b'{"v":1,"boot":"9f3a61c2\\n","batch":1,"ack":true,"samples":[]}',
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
    assert not Sample.objects.filter(device__in=[retired.pk, unknown.pk]).exists()
    assert refusals(retired) == ["retired"]
    assert RejectedMessage.objects.order_by("id").last().reason == "unknown_device"


def test_refusals_of_a_device_are_bounded(make_device: Maker, settings: Any) -> None:
    settings.REJECTED_PER_DEVICE = 5
    device, other = make_device(), make_device()
    store([message(other, reading(-1))])
    for batch in range(4):
        store([message(device, *(reading(-1) for _ in range(3)), batch=batch)])
    assert (len(refusals(device)), len(refusals(other))) == (5, 1)


def test_a_flood_of_refusals_is_cut_before_it_costs(make_device: Maker, settings: Any) -> None:
    settings.REJECTED_PER_DEVICE = 3
    device = make_device()
    store([message(device, *(["no sample"] * 500), batch=batch) for batch in range(20)])
    assert len(refusals(device)) == 3


@pytest.mark.parametrize(
    "payload", [b'{"v":1,"x":"\x00\xff\\ud800"}', b'{"v":"\\u0000\\ud800"}', b"\xed\xa0\x80" * 2000]
)
def test_what_was_refused_is_shown_as_text(make_device: Maker, payload: bytes) -> None:
    device = make_device()
    store([raw(device, payload)])
    text = RejectedMessage.objects.get(device=device).payload
    assert 0 < len(text) <= 2048
    assert "\x00" not in text


def test_samples_nested_to_any_depth_are_set_aside(make_device: Maker) -> None:
    device = make_device()
    for depth in (100, *range(900, 1000, 7), 4000):
        nested = b"[" * depth + b"]" * depth
        store([raw(device, b'{"v":1,"boot":"9f3a61c2","batch":1,"ack":true,"samples":[%b]}' % nested)])
    assert set(refusals(device)) <= {"bad_type: sample", "bad_json"}


def test_it_was_heard(make_device: Maker) -> None:
    device = make_device()
    sent = message(device, reading(1, now() - timedelta(hours=1)))
    store([sent])
    device.refresh_from_db()
    assert (device.status, device.last_seen) == ("online", sent.received_at)


@pytest.mark.parametrize(
    ("sampled_ago_s", "gone_ago_s", "status"), [(0, 1, "online"), (9, 4, "offline"), (99, 40, "online")]
)
def test_who_is_gone_is_back_with_what_was_sampled_since_or_comes_much_later(
    make_device: Maker, sampled_ago_s: int, gone_ago_s: int, status: str
) -> None:
    at = now()
    device = make_device(status="offline", reported={"offline_at": (at - timedelta(seconds=gone_ago_s)).isoformat()})
    store([message(device, reading(1, at - timedelta(seconds=sampled_ago_s)))])
    device.refresh_from_db()
    assert device.status == status


def test_what_the_broker_repeats_was_not_heard_now(make_device: Maker) -> None:
    device = make_device()
    store([message(device, reading(1), retained=True)])
    device.refresh_from_db()
    assert (device.status, device.last_seen) == ("never_seen", None)
    assert device.latest is not None


def test_the_newest_by_ts_is_latest_whatever_came_last(make_device: Maker) -> None:
    device, at = make_device(), now()
    store([message(device, reading(2, at, battery_level=50))])
    store([message(device, reading(1, at - timedelta(hours=1), battery_level=60))])
    device.refresh_from_db()
    assert device.latest is not None
    assert device.latest["battery_level"] == 50


def test_latest_starts_anew_for_a_new_owner(make_device: Maker) -> None:
    device = make_device(since=now())
    store([message(device, reading(1, now() - timedelta(minutes=1)))])
    device.refresh_from_db()
    assert device.latest is None
    assert device.last_seen is not None


def test_samples_ahead_of_a_clock_that_we_doubt_are_neither_refused_nor_answered(
    make_device: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, ahead = make_device(), now() + timedelta(hours=8)
    told = [message(device, reading(1, ahead), batch=1), message(device, reading(2), batch=2)]
    ClockMark.objects.update_or_create(pk=1, defaults={"at": ahead})  # as it was before we went off
    monkeypatch.setattr(clock, "ASK_EVERY_S", -1.0)
    assert [receipt.batch for receipt in store(told)] == [2]
    assert not RejectedMessage.objects.filter(device=device).exists()
    ClockMark.objects.update(at=now())
    assert [(receipt.batch, receipt.rejected) for receipt in store(told)] == [(1, 1), (2, 0)]
