"""An ASGI application that takes a second to answer, and a socket that only listens."""

import asyncio
from typing import Any


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """GET anything: `do`, and a second later `ne`."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"do", "more_body": True})
    await asyncio.sleep(1)
    await send({"type": "http.response.body", "body": b"ne"})
