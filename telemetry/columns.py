"""What a sample measures: one line for each quantity. COPY, SQL, bounds, serializers and the API's document follow it.

Readings and the tables' models stay written out, for their types; tests/test_columns.py holds them against this table.
"""

from dataclasses import dataclass
from typing import Literal

from msgspec import Meta

MICRO = 1_000_000  # sums of floats are integers of a millionth: a float sum depends on the order
INT_MOST = 2**31 - 1
Aggregate = Literal["min", "mean", "max", "sum"]


@dataclass(frozen=True)
class Quantity:
    """`kind` and bounds (both inclusive, in `unit`) of a value, and what a bucket of samples says of it.

    One that is `felt` is a key of the sample's `activity`, over the time since the sample before; without `activity`
    it is null. The others are keys of the sample itself, and always there.
    """

    name: str
    kind: type[float] | type[int]
    unit: str
    low: float
    high: float
    aggregates: tuple[Aggregate, ...] = ()
    felt: bool = False

    @property
    def meta(self) -> Meta:
        """The bounds, as msgspec checks them."""
        return Meta(ge=self.low, le=self.high)


QUANTITIES = (
    Quantity("accel_x", float, "g", -16, 16, ("min", "mean", "max")),
    Quantity("accel_y", float, "g", -16, 16, ("min", "mean", "max")),
    Quantity("accel_z", float, "g", -16, 16, ("min", "mean", "max")),
    Quantity("battery_level", float, "%", 0, 100, ("min", "max")),
    Quantity("sd_mg", int, "mg", 0, INT_MOST, felt=True),
    Quantity("odba_mg", int, "mg", 0, INT_MOST, felt=True),
    Quantity("active_s", int, "s", 0, INT_MOST, ("sum",), felt=True),
    Quantity("steps", int, "", 0, INT_MOST, ("sum",), felt=True),
)
BY_NAME = {one.name: one for one in QUANTITIES}
PLAIN = tuple(one for one in QUANTITIES if not one.felt)
FELT = tuple(one for one in QUANTITIES if one.felt)


@dataclass(frozen=True)
class Bucketed:
    """A column of a bucket: its name, and SQL that makes it of samples and of smaller buckets."""

    name: str
    of_samples: str
    of_buckets: str


def _bucketed(one: Quantity, aggregate: Aggregate) -> Bucketed:
    name = one.name
    match aggregate:
        case "min" | "max":
            column = f"{name}_{aggregate}"
            return Bucketed(column, f"{aggregate}({name})", f"{aggregate}({column})")
        case "mean":
            column = f"{name}_sum"
            return Bucketed(column, f"sum(round({name} * {MICRO})::bigint)", f"sum({column})")
        case "sum":
            return Bucketed(name, f"coalesce(sum({name}), 0)", f"sum({name})")


def _bucket_columns() -> tuple[Bucketed, ...]:
    """In the order of the table: the means' sums, then what is least and most, then plain sums."""
    order: tuple[tuple[Aggregate, ...], ...] = (("mean",), ("min", "max"), ("sum",))
    return tuple(
        _bucketed(one, aggregate)
        for kinds in order
        for one in QUANTITIES
        for aggregate in one.aggregates
        if aggregate in kinds
    )


BUCKET_COLUMNS = _bucket_columns()


def bucket_fields() -> dict[str, str]:
    """What the API says of a bucket: the key, and SQL of its value out of the bucket's columns."""
    fields: dict[str, str] = {}
    for one in QUANTITIES:
        for aggregate in one.aggregates:
            if aggregate == "mean":
                fields[f"{one.name}_mean"] = f"{one.name}_sum / (count * {MICRO}.0)::float8"
            else:
                name = one.name if aggregate == "sum" else f"{one.name}_{aggregate}"
                fields[name] = name
    return fields


def bucket_kinds() -> dict[str, type[float] | type[int]]:
    """The same keys, and what their values are."""
    return {
        name: one.kind
        for one in QUANTITIES
        for aggregate in one.aggregates
        for name in (one.name if aggregate == "sum" else f"{one.name}_{aggregate}",)
    }
