"""/devices, their credentials, claim and handover."""

from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.roles import OPERATE, may
from accounts.signin import PER_ACCOUNT
from broker.registry import Credential
from core.calls import ApiView, PageQuery, page, query, read, secret
from core.editions import match_of
from core.errors import Forbidden, Invalid, NotFound
from core.idempotency import answered_once
from core.openapi import EDITION, KEY, errors
from core.times import iso
from devices.api import serializers as shapes
from devices.models import Device
from devices.presenters import device_resource, status_resource
from devices.selectors import find_device, find_device_to_change, to_list_for, visible_to
from devices.services import claims, ownership


def _device(device: Device) -> Response:
    return Response(device_resource(device), headers={"ETag": device.edition})


def _new(device: Device, credential: Credential, status: int = 200) -> Response:
    """A collar with what it needs to connect."""
    headers = {"ETag": device.edition, **({"Location": f"/devices/{device.pk}"} if status == 201 else {})}
    return secret({**device_resource(device), "mqtt": credential.public()}, status, **headers)


class DeviceListView(ApiView):
    @extend_schema(
        operation_id="list_devices",
        parameters=[PageQuery, shapes.DeviceQuery],
        responses={200: shapes.DevicePageSerializer, **errors(400, 401)},
    )
    def get(self, request: Request) -> Response:
        """Own collars, newest first, 50 a page; staff see all."""
        user: User = request.auth.user
        wanted = query(shapes.DeviceQuery, request)
        retired = wanted.get("status") == Device.Status.RETIRED
        devices = visible_to(user) if retired else to_list_for(user)  # one's own retired ones, for who asks for them
        if "owner" in wanted:
            devices = devices.filter(owner=wanted["owner"])
        if "status" in wanted:
            devices = devices.with_presence(wanted["status"])
        if "search" in wanted:
            devices = devices.search(wanted["search"])
        return page(request, devices, shapes.DeviceSerializer)

    @extend_schema(
        operation_id="create_device",
        request=shapes.DeviceCreateSerializer,
        parameters=[KEY],
        responses={201: shapes.NewDeviceSerializer, **errors(400, 401, 403, 409, 429)},
    )
    @answered_once
    def post(self, request: Request) -> Response:
        """A new collar with credentials, shown this once and usable when the answer arrives."""
        owner = self._owner(request)
        given = read(shapes.DeviceCreateSerializer, request, context={"owner": owner})
        device, credential = ownership.provision(name=given["name"], owner=owner, pet=given.get("pet"))
        return _new(device, credential, 201)

    def _owner(self, request: Request) -> User:
        """Whom the collar is for: the caller, or whom a member of staff names."""
        user: User = request.auth.user
        named = request.data.get("owner") if isinstance(request.data, dict) else None
        if named is None:
            return user
        if not may(user, OPERATE):
            raise Forbidden(_("Only staff who operate can make a collar for somebody else."))
        owner = User.objects.filter(pk=serializers.UUIDField().run_validation(named)).first()
        if owner is None:
            raise Invalid({"owner": [_("There is no such user.")]})
        return owner


class DeviceView(ApiView):
    def _update(self, request: Request, device_id: UUID, partial: bool) -> Response:
        device = find_device_to_change(request.auth.user, device_id)
        shown = shapes.DeviceSerializer().fields  # who sends back what was read means no harm
        options = {"partial": partial, "context": {"owner": device.owner}}
        changes = read(shapes.DeviceChangeSerializer, request, shown, **options)
        changed = ownership.update_device(device=device, changes=changes, match=match_of(request.headers))
        return _device(changed)

    @extend_schema(operation_id="get_device", responses={200: shapes.DeviceSerializer, **errors(401, 404)})
    def get(self, request: Request, device_id: UUID) -> Response:
        """One collar; a retired one can still be read."""
        return _device(find_device(request.auth.user, device_id))

    @extend_schema(
        operation_id="replace_device",
        request=shapes.DeviceChangeSerializer,
        parameters=[EDITION],
        responses={200: shapes.DeviceSerializer, **errors(400, 401, 403, 404, 409, 412)},
    )
    def put(self, request: Request, device_id: UUID) -> Response:
        """Change a collar; `name` is required, what is left out stays."""
        return self._update(request, device_id, partial=False)

    @extend_schema(
        operation_id="change_device",
        request=shapes.DeviceChangeSerializer(partial=True),
        parameters=[EDITION],
        responses={200: shapes.DeviceSerializer, **errors(400, 401, 403, 404, 409, 412)},
    )
    def patch(self, request: Request, device_id: UUID) -> Response:
        """Change some fields of a collar."""
        return self._update(request, device_id, partial=True)

    @extend_schema(
        operation_id="retire_device", parameters=[EDITION], responses={204: None, **errors(401, 403, 404, 409, 412)}
    )
    def delete(self, request: Request, device_id: UUID) -> Response:
        """Retire a collar: its broker access ends, its history stays readable."""
        device = find_device_to_change(request.auth.user, device_id)
        ownership.retire(device=device, match=match_of(request.headers))
        return Response(status=204)


class CredentialsView(ApiView):
    @extend_schema(
        operation_id="renew_credentials",
        request=None,
        parameters=[KEY],
        responses={200: shapes.CredentialsSerializer, **errors(400, 401, 403, 404, 409, 429)},
    )
    @answered_once
    def post(self, request: Request, device_id: UUID) -> Response:
        """A new MQTT password, shown this once; the old one stops working."""
        device = find_device_to_change(request.auth.user, device_id)
        return secret({"mqtt": claims.renew(device=device).public()})


class ClaimView(ApiView):
    @extend_schema(
        operation_id="claim_device",
        request=shapes.ClaimSerializer,
        parameters=[KEY],
        responses={200: shapes.ClaimedDeviceSerializer, **errors(400, 401, 403, 404, 409, 429)},
    )
    @answered_once
    def post(self, request: Request) -> Response:
        """Take an unowned collar by its claim code. `mqtt` is there when its password had to be replaced."""
        user: User = request.auth.user
        given = read(shapes.ClaimSerializer, request, context={"owner": user})
        device, credential = claims.claim(
            code=given["claim_code"],
            by=user,
            address=request.META.get("REMOTE_ADDR", ""),
            name=given.get("name"),
            pet=given.get("pet"),
        )
        return _new(device, credential) if credential else _device(device)


class RestoreView(ApiView):
    @extend_schema(
        operation_id="restore_device",
        request=None,
        parameters=[KEY],
        responses={200: shapes.NewDeviceSerializer, **errors(400, 401, 403, 404, 409)},
    )
    @answered_once
    def post(self, request: Request, device_id: UUID) -> Response:
        """Bring a retired collar back, within 30 days, with a new MQTT password, shown this once."""
        user: User = request.auth.user
        device = find_device(user, device_id)
        credential = ownership.restore_own(device=device, by=user)
        device.refresh_from_db()
        return _new(device, credential)


class HandoverView(ApiView):
    @extend_schema(operation_id="get_handover", responses={200: shapes.HandoverUntilSerializer, **errors(401, 404)})
    def get(self, request: Request, device_id: UUID) -> Response:
        """Until when the claim code of the open handover is good; 404 when none is open."""
        until = claims.handover_until(find_device(request.auth.user, device_id))
        if until is None:
            raise NotFound
        return Response({"expires_at": iso(until)})

    @extend_schema(
        operation_id="begin_handover",
        request=shapes.HandoverSerializer,
        parameters=[KEY],
        responses={200: shapes.ClaimCodeSerializer, **errors(400, 401, 403, 404, 409, 429)},
    )
    @answered_once
    def post(self, request: Request, device_id: UUID) -> Response:
        """Give a collar away: a claim code for its next owner, good for 7 days. It is yours until they claim it."""
        user: User = request.auth.user
        device = find_device(user, device_id)
        password = read(shapes.HandoverSerializer, request)["password"]
        with PER_ACCOUNT.attempt(user.email):
            code, expires_at = claims.hand_over(device=device, by=user, password=password)
        return secret({"claim_code": code, "expires_at": iso(expires_at)})

    @extend_schema(operation_id="cancel_handover", responses={204: None, **errors(401, 403, 404)})
    def delete(self, request: Request, device_id: UUID) -> Response:
        """Call the handover off: the claim code is good no more."""
        user: User = request.auth.user
        claims.call_off_handover(device=find_device(user, device_id), by=user)
        return Response(status=204)


class StatusView(ApiView):
    @extend_schema(operation_id="get_status", responses={200: shapes.StatusSerializer, **errors(401, 404)})
    def get(self, request: Request, device_id: UUID) -> Response:
        """How a collar is now; `latest` is its newest sample by event time."""
        return Response(status_resource(find_device(request.auth.user, device_id)))
