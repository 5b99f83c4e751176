"""What goes in and out of the video calls."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from core.resources import page_of, serializer_of
from streaming.models import Viewing
from streaming.presenters import (
    SupportGrantResource,
    VideoTokenResource,
    VideoUrlResource,
    ViewingResource,
    viewing_resource,
)

DAY_MINUTES = 24 * 60
VideoUrlSerializer = serializer_of(VideoUrlResource)
VideoTokenSerializer = serializer_of(VideoTokenResource)
SupportGrantSerializer = serializer_of(SupportGrantResource)
_Viewing: Any = serializer_of(ViewingResource)


class ViewingSerializer(_Viewing):  # type: ignore[misc]
    __doc__ = ViewingResource.__doc__

    def to_representation(self, instance: Viewing) -> Mapping[str, object]:
        """As the caller may see it."""
        return viewing_resource(instance, self.context["request"].auth.user)


ViewingPageSerializer = page_of(ViewingSerializer)


class SupportOrderSerializer(serializers.Serializer[Any]):
    minutes = serializers.IntegerField(min_value=1, max_value=DAY_MINUTES, default=60)
