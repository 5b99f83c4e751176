"""What is pushed to pages and sockets about devices; always after commit."""

from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.signals import sessions_ended
from core import bus
from devices.models import Device, TreatEvent
from devices.presenters import status_dict, treat_dict
from devices.signals import access_changed


def push_status(device: Device) -> None:
    """Presence, battery, treats left: the body of GET /devices/{id}/status."""
    _after_commit({"type": "status", "device": device.pk, "user": device.owner_id, "data": status_dict(device)})


def push_treat(event: TreatEvent, owner_id: UUID | None) -> None:
    """A treat was made or moved on; a request that waits for this treat wakes up."""
    address = {"device": event.device_id, "user": owner_id, "treat": event.pk}
    _after_commit({"type": "treat", **address, "data": treat_dict(event)})


def push_access(device_id: UUID, owner_id: UUID | None) -> None:
    """Somebody gained or lost this device: sockets of theirs and on it check again what they may show."""
    _after_commit({"type": "access", "device": device_id, "user": owner_id})
    transaction.on_commit(lambda: access_changed.send_robust(Device, device_id=device_id))


def push_stream(*, device_id: UUID, owner_id: UUID | None, data: dict[str, Any]) -> None:
    """The collar's live video is in another state; `data` is made by who owns streams."""
    _after_commit({"type": "stream", "device": device_id, "user": owner_id, "data": data})


def _after_commit(event: dict[str, Any]) -> None:
    plain = {key: str(value) if isinstance(value, UUID) else value for key, value in event.items() if value is not None}
    transaction.on_commit(lambda: bus.push([plain]))


def _on_sessions_ended(sender: object, session_ids: list[UUID], **kwargs: Any) -> None:
    bus.push({"type": "session_ended", "session": str(pk)} for pk in session_ids)


def connect() -> None:
    """Hear from accounts when sessions end."""
    sessions_ended.connect(_on_sessions_ended)
