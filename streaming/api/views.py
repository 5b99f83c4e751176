"""Video of a collar: where to play it, who watched, what support may see."""

from typing import cast
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import Caller
from core.calls import ApiView, PageQuery, page, read
from core.errors import Forbidden, NotFound
from core.openapi import errors
from core.times import iso, now
from devices.selectors import find_device
from streaming.api import serializers as shapes
from streaming.models import StreamSession
from streaming.presenters import grant_resource
from streaming.services import support, viewings


def caller_of(request: Request) -> Caller:
    """Who asks. By cookie only from our own pages: no other page can switch a camera on. Raises Forbidden."""
    caller = cast(Caller, request.auth)
    if not caller.by_bearer and request.headers.get("Sec-Fetch-Site") != "same-origin":
        raise Forbidden(_("Only Hetri's own pages can ask for this."), code="cross_site")
    return caller


class VideoUrlView(ApiView):
    @extend_schema(
        operation_id="get_video_url", responses={200: shapes.VideoUrlSerializer, **errors(401, 403, 404, 409)}
    )
    def get(self, request: Request, device_id: UUID) -> Response:
        """Where to play the collar's camera; asks the collar to stream if it does not."""
        caller = caller_of(request)
        ticket = viewings.begin_viewing(device=find_device(caller.user, device_id), by=caller)
        path = f"/v/{ticket.stream.pk}/{ticket.token}/index.m3u8"
        state = "live" if ticket.stream.state == StreamSession.State.LIVE else "starting"
        url = request.build_absolute_uri(path)
        return Response({"url": url, "state": state, "expires_at": iso(ticket.expires_at)})


class VideoTokenView(ApiView):
    @extend_schema(
        operation_id="get_video_token", responses={200: shapes.VideoTokenSerializer, **errors(401, 403, 404, 409)}
    )
    def get(self, request: Request, device_id: UUID) -> Response:
        """A new token for the stream that runs or starts; never starts one."""
        caller = caller_of(request)
        ticket = viewings.renew_viewing(device=find_device(caller.user, device_id), by=caller)
        stream = str(ticket.stream.pk)
        return Response({"token": ticket.token, "stream": stream, "expires_at": iso(ticket.expires_at)})


class ViewingListView(ApiView):
    @extend_schema(
        operation_id="list_viewings",
        parameters=[PageQuery],
        responses={200: shapes.ViewingPageSerializer, **errors(400, 401, 404)},
    )
    def get(self, request: Request, device_id: UUID) -> Response:
        """Who watched this collar, newest first."""
        user = request.auth.user
        return page(request, viewings.list_viewings(find_device(user, device_id), user), shapes.ViewingSerializer)


class SupportViewView(ApiView):
    @extend_schema(operation_id="get_support_view", responses={200: shapes.SupportGrantSerializer, **errors(401, 404)})
    def get(self, request: Request, device_id: UUID) -> Response:
        """Until when support may watch; 404 when it may not."""
        device = find_device(request.auth.user, device_id)
        found = viewings.valid_grants(now()).filter(device=device).first()
        if found is None:
            raise NotFound
        return Response(grant_resource(found))

    @extend_schema(
        operation_id="allow_support_view",
        request=shapes.SupportOrderSerializer,
        responses={201: shapes.SupportGrantSerializer, **errors(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, device_id: UUID) -> Response:
        """Let support watch for some minutes, a day at the most; replaces what was allowed before."""
        user = request.auth.user
        device = find_device(user, device_id)
        minutes = read(shapes.SupportOrderSerializer, request)["minutes"]
        return Response(grant_resource(support.grant_support(device=device, by=user, minutes=minutes)), status=201)

    @extend_schema(operation_id="end_support_view", responses={204: None, **errors(401, 403, 404)})
    def delete(self, request: Request, device_id: UUID) -> Response:
        """Support may not watch any more, and who does is cut off."""
        user = request.auth.user
        support.withdraw_support(device=find_device(user, device_id), by=user)
        return Response(status=204)
