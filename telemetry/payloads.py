"""What collars write on `devices/{id}/telemetry`: read fast when all is well, sample by sample when not."""

import json
import math
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from core.numbers import read_integer, whole
from telemetry.columns import BY_NAME, FELT, PLAIN, Quantity

MAX_BYTES = 16_384
IN_THE_FUTURE = "in_the_future"
MAX_SAMPLES = 500
FUTURE_MS = 5 * 60 * 1000  # how far ahead of our clock a sample may be
SEQ_MAX, BATCH_MAX = 2**63 - 1, 2**63 - 1


class Activity(msgspec.Struct, gc=False):
    """What happened since the sample before."""

    sd_mg: Annotated[int, BY_NAME["sd_mg"].meta]
    odba_mg: Annotated[int, BY_NAME["odba_mg"].meta]
    active_s: Annotated[int, BY_NAME["active_s"].meta]
    steps: Annotated[int, BY_NAME["steps"].meta]


class Reading(msgspec.Struct, gc=False):
    """One sample: `ts` in ms since 1970, the quantities as telemetry/columns.py has them."""

    seq: Annotated[int, Meta(ge=0, le=SEQ_MAX)]
    ts: int
    accel_x: Annotated[float, BY_NAME["accel_x"].meta]
    accel_y: Annotated[float, BY_NAME["accel_y"].meta]
    accel_z: Annotated[float, BY_NAME["accel_z"].meta]
    battery_level: Annotated[float, BY_NAME["battery_level"].meta]
    activity: Activity | None = None


class Batch(msgspec.Struct):
    """One message."""

    v: Literal[1]
    boot: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{8}\Z")]
    batch: Annotated[int, Meta(ge=0, le=BATCH_MAX)]
    samples: Annotated[list[Reading], Meta(min_length=1, max_length=MAX_SAMPLES)]
    ack: bool = False


class Parsed(msgspec.Struct):
    """A message taken apart. `refused` holds (what, why); `answer` says whether the collar waits for a receipt."""

    readings: list[Reading] = []
    refused: list[tuple[Any, str]] = []
    boot: str = ""
    batch: int = 0
    answer: bool = False
    rejected: int = 0

    @property
    def is_ahead(self) -> bool:
        """Whether something in it is dated after our own time."""
        return any(why == IN_THE_FUTURE for _, why in self.refused)


_decode = msgspec.json.Decoder(Batch).decode


def parse(payload: bytes, oldest_ms: int, now_ms: int) -> Parsed:
    """Take a message apart; never raises. Samples outside [oldest_ms, now_ms + FUTURE_MS] are refused."""
    if len(payload) > MAX_BYTES:
        return Parsed(refused=[(payload, "too_large")])
    if not payload.isascii():  # msgspec skips over bytes that are not UTF-8 under unknown keys
        return _parse_slowly(payload, oldest_ms, now_ms)
    try:
        batch = _decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return _parse_slowly(payload, oldest_ms, now_ms)
    newest_ms = now_ms + FUTURE_MS
    for reading in batch.samples:
        if not oldest_ms <= reading.ts <= newest_ms:
            return _parse_slowly(payload, oldest_ms, now_ms)
    return Parsed(batch.samples, [], batch.boot, batch.batch, batch.ack)


def _parse_slowly(payload: bytes, oldest_ms: int, now_ms: int) -> Parsed:
    """Set aside what is wrong, keep the rest. NaN, Infinity and endless digits spoil only their own sample."""
    try:
        raw = json.loads(payload.decode(), parse_int=read_integer)
    except (ValueError, RecursionError):
        return Parsed(refused=[(payload, "bad_json")])
    if not isinstance(raw, dict):
        return Parsed(refused=[(payload, "bad_type: message")])
    parsed = _header(raw)
    samples = raw.get("samples")
    reason = _message_fault(raw, parsed, samples)
    if reason:
        parsed.refused.append((payload, reason))
        parsed.rejected = len(samples) if isinstance(samples, list) else 0
        return parsed
    for sample in samples or []:
        known = _known(sample)
        fault = _fault(known) or _time_fault(known["ts"], oldest_ms, now_ms)
        if fault:
            parsed.refused.append((sample, fault))
        else:
            parsed.readings.append(msgspec.convert(known, Reading))
    parsed.rejected = len(parsed.refused)
    if not isinstance(raw.get("ack"), bool | None):
        parsed.refused.append((payload, "bad_type: ack"))
    return parsed


def _known(sample: Any) -> Any:
    """What we know of a sample, whole numbers as integers however they are written."""
    if not isinstance(sample, dict):
        return sample
    known = {name: whole(sample[name]) for name in Reading.__struct_fields__ if name in sample}
    if isinstance(felt := known.get("activity"), dict):
        known["activity"] = {name: whole(felt[name]) for name in Activity.__struct_fields__ if name in felt}
    return known


def _header(raw: dict[str, object]) -> Parsed:
    boot, batch = raw.get("boot"), whole(raw.get("batch"))
    named = _is_boot(boot) and _is_int(batch, 0, BATCH_MAX)
    if not named:
        return Parsed()
    return Parsed(boot=str(boot), batch=int(str(batch)), answer=raw.get("ack") is True)


def _message_fault(raw: dict[str, object], parsed: Parsed, samples: Any) -> str | None:
    if not _is_int(whole(raw.get("v")), 1, 1):
        return "bad_version"
    if not parsed.boot:
        return "bad_header: boot must be 8 hex digits, batch a count"
    if not isinstance(samples, list):
        return "bad_type: samples"
    if not samples:
        return "no_samples"
    return "too_many_samples" if len(samples) > MAX_SAMPLES else None


def _is_int(value: Any, low: float, high: float) -> bool:
    return type(value) is int and low <= value <= high


def _is_boot(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 8 and all(digit in "0123456789abcdefABCDEF" for digit in value)


def _fault(sample: Any) -> str | None:
    """Why a sample is refused by itself, or None."""
    if not isinstance(sample, dict):
        return "bad_type: sample"
    for name in ("seq", "ts", *(one.name for one in PLAIN)):
        if name not in sample:
            return f"missing: {name}"
    if type(sample["ts"]) is not int:
        return "bad_type: ts"
    if not _is_int(sample["seq"], 0, SEQ_MAX):
        return "out_of_range: seq" if type(sample["seq"]) is int else "bad_type: seq"
    for quantity in PLAIN:
        fault = _number_fault(sample[quantity.name], quantity)
        if fault:
            return fault
    return _activity_fault(sample.get("activity"))


def _number_fault(value: Any, quantity: Quantity) -> str | None:
    if type(value) not in (int, float):
        return f"bad_type: {quantity.name}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"bad_number: {quantity.name}"
    return None if quantity.low <= value <= quantity.high else f"out_of_range: {quantity.name}"


def _activity_fault(activity: Any) -> str | None:
    if activity is None:
        return None
    if not isinstance(activity, dict):
        return "bad_type: activity"
    for quantity in FELT:
        if not _is_int(activity.get(quantity.name), quantity.low, quantity.high):
            return f"bad_value: activity.{quantity.name}"
    return None


def _time_fault(ts: int, oldest_ms: int, now_ms: int) -> str | None:
    if ts < oldest_ms:
        return "too_old"
    return IN_THE_FUTURE if ts > now_ms + FUTURE_MS else None
