"""What goes in and out of /devices."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from core.api import UtcDateTimeField
from devices.config import CAMERA_CHOICES, INTERVAL_MAX_S, INTERVAL_MIN_S
from devices.models import Device
from devices.presenters import device_dict
from pets.models import Pet, validate_time_zone


class ConfigSerializer(serializers.Serializer[Any]):
    """The desired state of a collar; what is left out stays."""

    telemetry_interval_s = serializers.IntegerField(min_value=INTERVAL_MIN_S, max_value=INTERVAL_MAX_S, required=False)
    camera = serializers.ChoiceField(choices=CAMERA_CHOICES, required=False)
    time_zone = serializers.CharField(max_length=64, validators=[validate_time_zone], required=False)


class HardwareSerializer(serializers.Serializer[Any]):
    """What a collar has, as it says in its presence; `board` is null until it does."""

    board = serializers.CharField(allow_null=True)
    camera = serializers.BooleanField()
    dispenser = serializers.BooleanField()


class DeviceSerializer(serializers.Serializer[Device]):
    """A collar."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=Device.Status.choices)
    pet = serializers.UUIDField(allow_null=True)
    owner = serializers.UUIDField(allow_null=True)
    firmware_version = serializers.CharField(allow_blank=True)
    hardware = HardwareSerializer()
    config = ConfigSerializer()
    config_version = serializers.IntegerField()
    last_seen = UtcDateTimeField(allow_null=True)
    created_at = UtcDateTimeField()
    retired_at = UtcDateTimeField(allow_null=True)

    def to_representation(self, instance: Device) -> dict[str, Any]:
        return device_dict(instance)


class MqttSerializer(serializers.Serializer[Any]):
    """What a collar needs to connect. The password is shown this once."""

    host = serializers.CharField()
    port = serializers.IntegerField()
    username = serializers.CharField()
    password = serializers.CharField()
    client_id = serializers.CharField()


class CredentialsSerializer(serializers.Serializer[Any]):
    mqtt = MqttSerializer()


class NewDeviceSerializer(DeviceSerializer):
    mqtt = MqttSerializer()


class ClaimedDeviceSerializer(DeviceSerializer):
    mqtt = MqttSerializer(required=False)


class DevicePageSerializer(serializers.Serializer[Any]):
    results = DeviceSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class DeviceQuery(serializers.Serializer[Any]):
    """Filters of the list."""

    owner = serializers.UUIDField(required=False, help_text="Staff only.")
    status = serializers.ChoiceField(choices=Device.Status.choices, required=False)
    search = serializers.CharField(max_length=80, required=False, help_text="In the name; or a whole id.")


class OwnPetField(serializers.PrimaryKeyRelatedField[Pet]):
    """A pet of the collar's owner, by id."""

    def get_queryset(self) -> Any:
        owner: User | None = self.context.get("owner")
        return Pet.objects.visible_to(owner) if owner else Pet.objects.none()

    def use_pk_only_optimization(self) -> bool:
        return False


class DeviceChangeSerializer(serializers.Serializer[Any]):
    """Body of PUT and PATCH. Pass the owner as context: the pet must be theirs."""

    name = serializers.CharField(max_length=80)
    pet = OwnPetField(required=False, allow_null=True, pk_field=serializers.UUIDField())
    config = ConfigSerializer(required=False)


class DeviceCreateSerializer(serializers.Serializer[Any]):
    """Body of POST /devices."""

    name = serializers.CharField(max_length=80)
    pet = OwnPetField(required=False, allow_null=True, pk_field=serializers.UUIDField())
    owner = serializers.UUIDField(required=False, help_text="Staff only: the user who gets the collar.")


class ClaimSerializer(serializers.Serializer[Any]):
    claim_code = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=80, required=False)
    pet = OwnPetField(required=False, allow_null=True, pk_field=serializers.UUIDField())


class HandoverSerializer(serializers.Serializer[Any]):
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


class HandoverUntilSerializer(serializers.Serializer[Any]):
    expires_at = UtcDateTimeField()


class ClaimCodeSerializer(HandoverUntilSerializer):
    claim_code = serializers.CharField()


@extend_schema_field({"allOf": [{"$ref": "#/components/schemas/Latest"}], "nullable": True})
class LatestField(serializers.JSONField):
    """The newest sample; its shape is telemetry's."""


class StatusSerializer(serializers.Serializer[Any]):
    """How a collar is now."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=["online", "offline", "never_seen"])
    last_seen = UtcDateTimeField(allow_null=True)
    battery_level = serializers.FloatField(allow_null=True)
    firmware_version = serializers.CharField(allow_blank=True)
    hardware = HardwareSerializer()
    streaming = serializers.BooleanField()
    treats_left = serializers.IntegerField(allow_null=True)
    latest = LatestField(allow_null=True)
