"""What passes between the subscriber and the handlers. Structs of msgspec: they cost a tenth of a dataclass."""

from datetime import datetime
from uuid import UUID

import msgspec

from core.times import from_ms


class Message(msgspec.Struct, frozen=True):
    """One MQTT message as it came in, at `received_ms` (since 1970 UTC). `retained`: the broker repeated what it kept.

    `mid` and `connection` say what to acknowledge, and to whom.
    """

    device_id: UUID
    topic: str
    payload: bytes
    retained: bool
    received_ms: int
    mid: int = 0
    connection: int = 0

    @property
    def received_at(self) -> datetime:
        """`received_ms` as a UTC time."""
        return from_ms(self.received_ms)


class Receipt(msgspec.Struct, frozen=True):
    """What `cmd/ack` tells a collar about one batch, once it is committed."""

    topic: str  # of the telemetry it is about
    boot: str
    batch: int
    stored: int
    rejected: int


class Stored(msgspec.Struct, frozen=True):
    """What came of a batch: receipts of what is committed, and the messages that are for the late lane instead."""

    receipts: list[Receipt] = []
    late: list[Message] = []


Refused = tuple[Message, str]  # a message that is set aside, and why
