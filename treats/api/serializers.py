"""Shapes of treats in the API."""

from typing import Any

from rest_framework import serializers

from core.api import UtcDateTimeField
from treats.const import PORTIONS_MOST
from treats.models import TreatEvent
from treats.presenters import treat_dict


class TreatSerializer(serializers.Serializer[TreatEvent]):
    """A row of the ledger."""

    id = serializers.UUIDField()
    device = serializers.UUIDField()
    triggered_by = serializers.UUIDField(allow_null=True)
    event_time = UtcDateTimeField()
    result = serializers.ChoiceField(choices=TreatEvent.Result.choices)
    portion = serializers.IntegerField()
    source = serializers.ChoiceField(choices=TreatEvent.Source.choices)  # type: ignore[assignment]
    delivered_at = UtcDateTimeField(allow_null=True)
    settled_at = UtcDateTimeField(allow_null=True)

    def to_representation(self, instance: TreatEvent) -> dict[str, Any]:
        return treat_dict(instance)


class TreatPageSerializer(serializers.Serializer[Any]):
    results = TreatSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class TreatOrderSerializer(serializers.Serializer[Any]):
    portion = serializers.IntegerField(min_value=1, max_value=PORTIONS_MOST, default=1)
