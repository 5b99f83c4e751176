"""Releases for staff, and for owners what became of their collar's updates."""

from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.roles import RELEASE, may
from core.calls import ApiView, PageQuery, page, read
from core.errors import Forbidden, NotFound
from core.openapi import errors
from devices.selectors import find_device
from firmware.api import serializers as shapes
from firmware.models import Release, UpdateJob
from firmware.services import rollouts


def _staff(request: Request) -> User:
    """The member of staff who asks. Raises NotFound for who may not look at releases."""
    user: User = request.auth.user
    if not may(user, "firmware.view_release"):
        raise NotFound
    return user


def _release(release_id: UUID) -> Release:
    found = Release.objects.filter(pk=release_id).first()
    if found is None:
        raise NotFound
    return found


class ReleaseListView(ApiView):
    @extend_schema(
        operation_id="list_releases",
        parameters=[PageQuery],
        responses={200: shapes.ReleasePageSerializer, **errors(400, 401, 404)},
    )
    def get(self, request: Request) -> Response:
        """All releases, newest first; for staff."""
        _staff(request)
        return page(request, Release.objects.all(), shapes.ReleaseSerializer)


class ReleaseView(ApiView):
    @extend_schema(operation_id="get_release", responses={200: shapes.ReleaseSerializer, **errors(401, 404)})
    def get(self, request: Request, release_id: UUID) -> Response:
        """One release; for staff."""
        _staff(request)
        return Response(shapes.ReleaseSerializer(_release(release_id)).data)


class ReleaseActView(ApiView):
    @extend_schema(
        operation_id="act_on_release",
        request=shapes.RollOutSerializer,
        responses={200: shapes.ReleaseSerializer, **errors(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, release_id: UUID, act: str) -> Response:
        """publish, roll_out (to `percent` of all collars), retry (where it failed), pause, resume, withdraw; admins."""
        user = _staff(request)
        release = _release(release_id)
        if act not in rollouts.ACTS:
            raise NotFound
        if not may(user, RELEASE):
            raise Forbidden(_("Only admins can do this."))
        rollouts.ACTS[act](release, read(shapes.RollOutSerializer, request)["percent"])
        return Response(shapes.ReleaseSerializer(_release(release_id)).data)


class JobListView(ApiView):
    @extend_schema(
        operation_id="list_release_jobs",
        parameters=[PageQuery],
        responses={200: shapes.UpdateJobPageSerializer, **errors(400, 401, 404)},
    )
    def get(self, request: Request, release_id: UUID) -> Response:
        """The jobs of a release, newest first; for staff."""
        _staff(request)
        rows = UpdateJob.objects.filter(release=_release(release_id)).with_release()
        return page(request, rows, shapes.UpdateJobSerializer)


class DeviceUpdatesView(ApiView):
    @extend_schema(
        operation_id="list_updates",
        parameters=[PageQuery],
        responses={200: shapes.UpdateJobPageSerializer, **errors(400, 401, 404)},
    )
    def get(self, request: Request, device_id: UUID) -> Response:
        """The updates of one collar, newest first."""
        device = find_device(request.auth.user, device_id)
        rows = UpdateJob.objects.filter(device=device).with_release()
        return page(request, rows, shapes.UpdateJobSerializer)
