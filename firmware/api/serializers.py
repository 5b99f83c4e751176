"""What goes in and out of the calls about releases and updates."""

from typing import Any

from rest_framework import serializers

from core.api import UtcDateTimeField
from core.resources import page_of
from firmware.models import Release, UpdateJob


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    """A release, and how far it is rolled out."""

    created_at = UtcDateTimeField()
    published_at = UtcDateTimeField(allow_null=True)
    withdrawn_at = UtcDateTimeField(allow_null=True)

    class Meta:
        model = Release
        fields = (
            "id",
            "version",
            "board",
            "notes",
            "state",
            "size",
            "percent",
            "fail_percent",
            "paused",
            "created_at",
            "published_at",
            "withdrawn_at",
        )


ReleasePageSerializer = page_of(ReleaseSerializer)


class UpdateJobSerializer(serializers.ModelSerializer[UpdateJob]):
    """One collar's update."""

    version = serializers.CharField(source="release.version")
    created_at = UtcDateTimeField()
    offered_at = UtcDateTimeField(allow_null=True)
    downloading_at = UtcDateTimeField(allow_null=True)
    installed_at = UtcDateTimeField(allow_null=True)
    ended_at = UtcDateTimeField(allow_null=True)

    class Meta:
        model = UpdateJob
        fields = (
            "id",
            "release",
            "device",
            "version",
            "state",
            "reason",
            "created_at",
            "offered_at",
            "downloading_at",
            "installed_at",
            "ended_at",
        )


UpdateJobPageSerializer = page_of(UpdateJobSerializer)


class RollOutSerializer(serializers.Serializer[Any]):
    """`percent` is for roll_out."""

    percent = serializers.IntegerField(min_value=1, max_value=100, default=10)
