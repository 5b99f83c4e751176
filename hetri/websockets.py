"""Every WebSocket path."""

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path, re_path

from devices.consumers import NOT_YOURS, DeviceConsumer


class UnknownPath(AsyncWebsocketConsumer):
    """Any other path: accepted and closed, as every refusal."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(NOT_YOURS)


_devices: Any = DeviceConsumer.as_asgi()
_unknown: Any = UnknownPath.as_asgi()
patterns = [
    path("ws/devices", _devices),
    path("ws/devices/<uuid:device_id>", _devices),
    re_path(r"", _unknown),
]
