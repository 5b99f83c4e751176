"""Devices as the API, the WebSocket and the pages show them."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.resources import Moment, Uuid, choice
from core.times import iso
from devices.config import CAMERA_CHOICES, INTERVAL_MAX_S, INTERVAL_MIN_S
from devices.models import Device
from pets.models import validate_time_zone


class ConfigSerializer(serializers.Serializer[Any]):
    """The desired state of a collar; what is left out stays."""

    telemetry_interval_s = serializers.IntegerField(min_value=INTERVAL_MIN_S, max_value=INTERVAL_MAX_S, required=False)
    camera = serializers.ChoiceField(choices=CAMERA_CHOICES, required=False)
    time_zone = serializers.CharField(max_length=64, validators=[validate_time_zone], required=False)


@extend_schema_field({"$ref": "#/components/schemas/Latest"})
class LatestField(serializers.JSONField):
    """The newest sample; its shape is telemetry's."""


class HardwareResource(TypedDict):
    """What a collar has, as it says in its presence; `board` is null until it does."""

    board: str | None
    camera: bool
    dispenser: bool


class MqttResource(TypedDict):
    """What a collar needs to connect. The password is shown this once."""

    host: str
    port: int
    username: str
    password: str
    client_id: str


class DeviceResource(TypedDict):
    """A collar."""

    id: Uuid
    name: str
    status: Annotated[str, choice(*Device.Status.choices)]
    pet: Uuid | None
    owner: Uuid | None
    firmware_version: str
    hardware: HardwareResource
    config: Annotated[Any, ConfigSerializer]
    config_version: int
    last_seen: Moment | None
    created_at: Moment
    retired_at: Moment | None


class NewDeviceResource(DeviceResource):
    """A collar."""

    mqtt: MqttResource


class ClaimedDeviceResource(DeviceResource):
    """A collar."""

    mqtt: NotRequired[MqttResource]


class CredentialsResource(TypedDict):
    mqtt: MqttResource


class HandoverUntilResource(TypedDict):
    expires_at: Moment


class ClaimCodeResource(HandoverUntilResource):
    claim_code: str


class StatusResource(TypedDict):
    """How a collar is now."""

    id: Uuid
    status: Literal["online", "offline", "never_seen"]
    last_seen: Moment | None
    battery_level: float | None
    firmware_version: str
    hardware: HardwareResource
    streaming: bool
    treats_left: int | None
    latest: Annotated[Any, LatestField] | None


def device_resource(device: Device) -> DeviceResource:
    """A row of GET /devices."""
    return {
        "id": str(device.pk),
        "name": device.name,
        "status": device.presence(),
        "pet": str(device.pet_id) if device.pet_id else None,
        "owner": str(device.owner_id) if device.owner_id else None,
        "firmware_version": device.firmware_version,
        "hardware": hardware_resource(device),
        "config": device.config,
        "config_version": device.config_version,
        "last_seen": iso(device.last_seen),
        "created_at": iso(device.created_at),
        "retired_at": iso(device.retired_at),
    }


def hardware_resource(device: Device) -> HardwareResource:
    """What the collar has."""
    return {"board": device.board or None, "camera": device.has_camera, "dispenser": device.has_dispenser}


def status_resource(device: Device) -> StatusResource:
    """GET /devices/{id}/status. A retired collar is offline; battery is the newest sample's, else the reported one."""
    newest = device.latest or {}
    return {
        "id": str(device.pk),
        "status": _status(device),
        "last_seen": iso(device.last_seen),
        "battery_level": newest.get("battery_level", device.reported.get("battery_level")),
        "firmware_version": device.firmware_version,
        "hardware": hardware_resource(device),
        "streaming": bool(device.reported.get("streaming", False)),
        "treats_left": device.reported.get("treats_left"),
        "latest": device.latest,
    }


def _status(device: Device) -> Literal["online", "offline", "never_seen"]:
    match device.presence():
        case "online":
            return "online"
        case "never_seen":
            return "never_seen"
    return "offline"
