from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.conf import settings

from streaming.models import StreamSession
from streaming.services import streams
from tools.testing import Api, Collar


class Camera:
    """A collar at the broker, and the media server's questions about it, asked by the test."""

    def __init__(self, server: str, api: Api, device: dict[str, Any], collar: Collar) -> None:
        self.server, self.api, self.device, self.collar = server, api, device, collar
        self.path = f"/devices/{device['id']}"

    def orders(self, action: str = "start") -> list[dict[str, Any]]:
        """The cmd/stream of this kind so far."""
        return [body for body in self.collar.received("stream") if body["action"] == action]

    def ask(self, **changes: Any) -> httpx.Response:
        """nginx-rtmp's question for the newest order; a field that is None is left out."""
        order = self.orders()[-1]
        fields = {"app": "collar", "name": order["name"], "key": order["key"], "call": "publish", **changes}
        return self.hook("publish", {key: value for key, value in fields.items() if value is not None})

    def hook(self, call: str, fields: Any, secret: str = settings.HOOK_SECRET) -> httpx.Response:
        """A call of the media server."""
        headers = {"X-Hetri-Hook": secret, "X-Forwarded-Proto": "https"}
        return httpx.post(f"{self.server}/internal/streaming/{call}", data=fields, headers=headers)


@pytest.fixture
def camera(server: str, alice: Api, collar_of: Callable[..., Collar]) -> Iterator[Camera]:
    """Alice's collar, connected. Its streams are over afterwards: a server carries only so many."""
    device = alice.new_device()
    yield Camera(server, alice, device, collar_of(alice, device))
    for stream in StreamSession.objects.filter(device=device["id"], state__in=streams.OPEN):
        streams.end_stream(stream=stream, reason=StreamSession.Reason.UNWATCHED)
