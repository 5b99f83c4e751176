"""What goes in and out of /devices."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from core.names import require_visible
from core.resources import page_of, serializer_of
from devices.models import Device
from devices.presenters import (
    ClaimCodeResource,
    ClaimedDeviceResource,
    ConfigSerializer,
    CredentialsResource,
    DeviceResource,
    HandoverUntilResource,
    NewDeviceResource,
    StatusResource,
    device_resource,
    status_resource,
)
from pets.models import Pet

DeviceSerializer = serializer_of(DeviceResource, device_resource)
DevicePageSerializer = page_of(DeviceSerializer)
NewDeviceSerializer = serializer_of(NewDeviceResource)
ClaimedDeviceSerializer = serializer_of(ClaimedDeviceResource)
CredentialsSerializer = serializer_of(CredentialsResource)
StatusSerializer = serializer_of(StatusResource, status_resource)
HandoverUntilSerializer = serializer_of(HandoverUntilResource)
ClaimCodeSerializer = serializer_of(ClaimCodeResource)


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

    name = serializers.CharField(max_length=80, validators=[require_visible])
    pet = OwnPetField(required=False, allow_null=True, pk_field=serializers.UUIDField())
    config = ConfigSerializer(required=False)


class DeviceCreateSerializer(serializers.Serializer[Any]):
    """Body of POST /devices."""

    name = serializers.CharField(max_length=80, validators=[require_visible])
    pet = OwnPetField(required=False, allow_null=True, pk_field=serializers.UUIDField())
    owner = serializers.UUIDField(required=False, help_text="Staff only: the user who gets the collar.")


class ClaimSerializer(serializers.Serializer[Any]):
    claim_code = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=80, required=False, validators=[require_visible])
    pet = OwnPetField(required=False, allow_null=True, pk_field=serializers.UUIDField())


class HandoverSerializer(serializers.Serializer[Any]):
    password = serializers.CharField(max_length=1000, trim_whitespace=False)
