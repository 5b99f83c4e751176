"""What is pushed to pages and sockets about devices; always after commit."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.signals import sessions_ended
from core import bus
from devices.models import Device
from devices.presenters import status_resource
from devices.signals import access_changed


def push_status(device: Device) -> None:
    """Presence, battery, treats left: the body of GET /devices/{id}/status."""
    push_after_commit({"type": "status", "device": device.pk, "user": device.owner_id, "data": status_resource(device)})


def push_access(device_id: UUID, owner_id: UUID | None) -> None:
    """Somebody gained or lost this device: sockets of theirs and on it check again what they may show."""
    push_after_commit({"type": "access", "device": device_id, "user": owner_id})
    transaction.on_commit(lambda: access_changed.send_robust(Device, device_id=device_id))


def push_stream(*, device_id: UUID, owner_id: UUID | None, data: Mapping[str, object]) -> None:
    """The collar's live video is in another state; `data` is made by who owns streams."""
    push_after_commit({"type": "stream", "device": device_id, "user": owner_id, "data": data})


def push_after_commit(event: dict[str, object]) -> None:
    """One event to the sockets and pages of the device and the user that it names."""
    plain = {key: str(value) if isinstance(value, UUID) else value for key, value in event.items() if value is not None}
    transaction.on_commit(lambda: bus.push([plain]))


def _on_sessions_ended(sender: object, session_ids: list[UUID], **kwargs: Any) -> None:
    bus.push({"type": "session_ended", "session": str(pk)} for pk in session_ids)


def connect() -> None:
    """Hear from accounts when sessions end."""
    sessions_ended.connect(_on_sessions_ended)
