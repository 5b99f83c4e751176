"""The ledger of treats in the API; the order itself is in order.py."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from core.calls import ApiView, PageQuery, page
from core.openapi import errors
from devices.selectors import find_device
from treats.api import serializers as shapes
from treats.models import TreatEvent


class TreatListView(ApiView):
    @extend_schema(
        operation_id="list_treats",
        parameters=[PageQuery],
        responses={200: shapes.TreatPageSerializer, **errors(400, 401, 404)},
    )
    def get(self, request: Request, device_id: UUID) -> Response:
        """The ledger, newest first."""
        user: User = request.auth.user
        found = TreatEvent.objects.of_device(find_device(user, device_id), seen_by=user)
        return page(request, found, shapes.TreatSerializer)


class TreatView(ApiView):
    @extend_schema(operation_id="get_treat", responses={200: shapes.TreatSerializer, **errors(401, 404)})
    def get(self, request: Request, device_id: UUID, treat_id: UUID) -> Response:
        """One treat as it is now."""
        user: User = request.auth.user
        found = TreatEvent.objects.of_device(find_device(user, device_id), seen_by=user)
        return Response(shapes.TreatSerializer(get_object_or_404(found, pk=treat_id)).data)
