"""Numbers as JSON has them: 12.0 is the integer 12, and digits without end are no reason to fail."""

from typing import Any

DIGITS_MOST = 100
INTEGERS = 2**63  # beyond it a float is no count of anything


def read_integer(digits: str) -> int | float:
    """An integer of JSON, for `json.loads`. Python refuses thousands of digits; as a float they are infinite."""
    return int(digits) if len(digits) <= DIGITS_MOST else float(digits)


def whole(value: Any) -> Any:
    """A float without a fraction as the integer that it is; anything else as it came."""
    return int(value) if isinstance(value, float) and abs(value) < INTEGERS and value.is_integer() else value
