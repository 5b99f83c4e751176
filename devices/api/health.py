"""/healthz and /readyz: for load balancers and for `./dev status`."""

from typing import Any

import redis
from django.conf import settings
from django.db import OperationalError, connection
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from broker import publisher
from core.errors import ApiError, Unavailable
from core.openapi import errors


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ok"])


class _Public(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)


class HealthView(_Public):
    @extend_schema(operation_id="get_health", responses={200: OpenApiResponse(HealthSerializer)})
    def get(self, request: Request) -> Response:
        """The process lives."""
        return Response({"status": "ok"})


class ReadyView(_Public):
    @extend_schema(operation_id="get_readiness", responses={200: HealthSerializer, **errors()})
    def get(self, request: Request) -> Response:
        """Database, Redis and broker answer."""
        away = [name for name, check in CHECKS.items() if not check()]
        if away:
            raise Unavailable(format_lazy(_("Away: {parts}."), parts=", ".join(away)), code="not_ready")
        return Response({"status": "ok"})


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError:
        return False
    return True


def _redis() -> bool:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            return bool(client.ping())
    except RedisError:
        return False


def _broker() -> bool:
    try:
        publisher.require()
    except ApiError:
        return False
    return True


CHECKS = {"database": _database, "redis": _redis, "broker": _broker}
