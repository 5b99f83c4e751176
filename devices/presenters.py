"""Devices as plain dicts: the same shape in the API, on the WebSocket and for the pages."""

from typing import Any

from core.times import iso
from devices.models import Device


def device_dict(device: Device) -> dict[str, Any]:
    """A row of GET /devices."""
    return {
        "id": str(device.pk),
        "name": device.name,
        "status": device.presence(),
        "pet": device.pet_id and str(device.pet_id),
        "owner": device.owner_id and str(device.owner_id),
        "firmware_version": device.firmware_version,
        "hardware": hardware_dict(device),
        "config": device.config,
        "config_version": device.config_version,
        "last_seen": iso(device.last_seen),
        "created_at": iso(device.created_at),
        "retired_at": iso(device.retired_at),
    }


def hardware_dict(device: Device) -> dict[str, Any]:
    """What the collar has; `board` is null until it says."""
    return {"board": device.board or None, "camera": device.has_camera, "dispenser": device.has_dispenser}


def status_dict(device: Device) -> dict[str, Any]:
    """GET /devices/{id}/status. A retired collar is offline; battery is the newest sample's, else the reported one."""
    presence = device.presence()
    newest = device.latest or {}
    return {
        "id": str(device.pk),
        "status": "offline" if presence == Device.Status.RETIRED else presence,
        "last_seen": iso(device.last_seen),
        "battery_level": newest.get("battery_level", device.reported.get("battery_level")),
        "firmware_version": device.firmware_version,
        "hardware": hardware_dict(device),
        "streaming": bool(device.reported.get("streaming", False)),
        "treats_left": device.reported.get("treats_left"),
        "latest": device.latest,
    }
