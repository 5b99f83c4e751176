"""Topic names (docs/protocol.md)."""

from functools import lru_cache
from uuid import UUID

TELEMETRY = "telemetry"
STATUS = "status"
PULSE = "devices/pulse"  # ours, to nobody: its acknowledgement says that the broker answers
SUBSCRIPTIONS = {TELEMETRY: "devices/+/telemetry", STATUS: "devices/+/status"}


def status(device_id: UUID) -> str:
    """Presence and results, from the collar."""
    return f"devices/{device_id}/status"


def command(device_id: UUID, name: str) -> str:
    """`devices/{id}/cmd/{name}`, to the collar."""
    return f"devices/{device_id}/cmd/{name}"


def acknowledgement(telemetry: str) -> str:
    """Where the receipt of a telemetry message goes, from the message's own topic."""
    return telemetry.removesuffix(TELEMETRY) + "cmd/ack"


@lru_cache(maxsize=65_536)
def parse(topic: str) -> tuple[UUID, str] | None:
    """The device and the kind (`telemetry` or `status`) of an incoming topic; None when it is no such topic."""
    parts = topic.split("/")
    if len(parts) != 3 or parts[0] != "devices":
        return None
    try:
        device_id = UUID(parts[1])
    except ValueError:
        return None
    return (device_id, parts[2]) if str(device_id) == parts[1] and parts[2] in SUBSCRIPTIONS else None
