"""Shapes of treats in the API."""

from typing import Any

from rest_framework import serializers

from core.resources import page_of, serializer_of
from treats.const import PORTIONS_MOST
from treats.presenters import TreatResource, treat_resource

TreatSerializer = serializer_of(TreatResource, treat_resource)
TreatPageSerializer = page_of(TreatSerializer)


class TreatOrderSerializer(serializers.Serializer[Any]):
    portion = serializers.IntegerField(min_value=1, max_value=PORTIONS_MOST, default=1)
