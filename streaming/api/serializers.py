"""What goes in and out of the video calls."""

from typing import Any

from rest_framework import serializers

from core.api import UtcDateTimeField
from streaming.models import Viewing
from streaming.presenters import viewing_dict

DAY_MINUTES = 24 * 60


class VideoUrlSerializer(serializers.Serializer[Any]):
    """Where to play; `state` is live once the first segment is there."""

    url = serializers.URLField()
    state = serializers.ChoiceField(choices=["starting", "live"])
    expires_at = UtcDateTimeField()


class VideoTokenSerializer(serializers.Serializer[Any]):
    """A new token for /v/<stream>/<token>/."""

    token = serializers.CharField()
    stream = serializers.UUIDField()
    expires_at = UtcDateTimeField()


class ViewerSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField(allow_null=True, help_text="null where staff read of an owner")
    role = serializers.CharField()


class ViewingSerializer(serializers.Serializer[Viewing]):
    """Who watched, from when to when; `until` is null while it goes on."""

    id = serializers.UUIDField()
    stream = serializers.UUIDField()
    viewer = ViewerSerializer(allow_null=True)
    source = serializers.ChoiceField(choices=Viewing.Source.choices)  # type: ignore[assignment]
    support = serializers.BooleanField()
    until = UtcDateTimeField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": UtcDateTimeField()}  # a word of Python, so not an attribute

    def to_representation(self, instance: Viewing) -> dict[str, Any]:
        return viewing_dict(instance, self.context["request"].auth.user)


class ViewingPageSerializer(serializers.Serializer[Any]):
    results = ViewingSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class SupportOrderSerializer(serializers.Serializer[Any]):
    minutes = serializers.IntegerField(min_value=1, max_value=DAY_MINUTES, default=60)


class SupportGrantSerializer(serializers.Serializer[Any]):
    """Staff may watch until `expires_at`."""

    id = serializers.UUIDField()
    granted_at = UtcDateTimeField()
    expires_at = UtcDateTimeField()
