"""The table of quantities, and what is written out beside it."""

import struct

import msgspec
import pytest
from django.db import models

from telemetry.columns import BUCKET_COLUMNS, FELT, PLAIN, QUANTITIES
from telemetry.copy_format import NAMES, pack
from telemetry.models import Rollup, Sample
from telemetry.payloads import Activity, Reading

OF_A_SAMPLE = {float: models.FloatField, int: models.IntegerField}


def names(struct_type: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(struct_type)]


def test_a_reading_has_what_the_table_has() -> None:
    assert names(Reading) == ["seq", "ts", *(one.name for one in PLAIN), "activity"]
    assert names(Activity) == [one.name for one in FELT]


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda one: one.name)
def test_a_bound_is_the_last_value_that_is_taken(quantity: object) -> None:
    kind = Activity if quantity.felt else Reading  # type: ignore[attr-defined]
    good = {one.name: one.kind(one.low) for one in (FELT if kind is Activity else PLAIN)} | {"seq": 1, "ts": 1}
    for bound, beyond in ((quantity.low, quantity.low - 1), (quantity.high, quantity.high + 1)):  # type: ignore[attr-defined]
        msgspec.convert({**good, quantity.name: bound}, kind)  # type: ignore[attr-defined]
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**good, quantity.name: beyond}, kind)  # type: ignore[attr-defined]


def test_the_tables_have_a_column_for_each() -> None:
    for one in QUANTITIES:
        column = Sample._meta.get_field(one.name)
        assert (type(column), column.null) == (OF_A_SAMPLE[one.kind], one.felt)
    columns = {field.name for field in Rollup._meta.concrete_fields} - {"id", "device", "width", "start", "late_at"}
    assert columns == {"count", *(one.name for one in BUCKET_COLUMNS)}


def test_the_packer_writes_the_columns_in_the_tables_order() -> None:
    values = {one.name: one.kind(number) for number, one in enumerate(QUANTITIES, 1)}
    felt = Activity(**{one.name: values[one.name] for one in FELT})
    reading = Reading(7, 1_700_000_000_000, **{one.name: values[one.name] for one in PLAIN}, activity=felt)
    fields = _fields(pack(b"k" * 16, b"d" * 16, 5, b"boot0000", reading))
    assert len(fields) == len(NAMES)
    for name, data in zip(NAMES, fields, strict=True):
        if name in values:
            kind = type(values[name])
            assert struct.unpack({float: ">d", int: ">i"}[kind], data or b"")[0] == values[name], name


def test_without_activity_what_is_felt_is_null() -> None:
    reading = Reading(7, 1_700_000_000_000, *(0.0 for _ in PLAIN))
    fields = _fields(pack(b"k" * 16, b"d" * 16, 5, b"boot0000", reading))
    assert fields[-len(FELT) :] == [None] * len(FELT)


def _fields(row: bytes) -> list[bytes | None]:
    """A row of binary COPY taken apart."""
    (count,), at, found = struct.unpack_from(">h", row), 2, []
    for _ in range(count):
        (length,) = struct.unpack_from(">i", row, at)
        at += 4
        found.append(None if length < 0 else row[at : at + length])
        at += max(0, length)
    assert at == len(row)
    return found
