"""What passes between the subscriber and the handlers."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message as it came in. `retained`: the broker repeated what it had kept."""

    device_id: UUID
    topic: str
    payload: bytes
    retained: bool
    received_at: datetime
    mid: int = 0
    connection: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What `cmd/ack` tells a collar about one batch, once it is committed."""

    device_id: UUID
    boot: str
    batch: int
    stored: int
    rejected: int
