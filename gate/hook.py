"""What the gate asks and tells Hetri, through nginx, which knows the secret and the web processes."""

import asyncio
import re
from urllib.parse import urlencode

ANSWER_S = 8.0  # nginx waits 2 s for a connection and 5 s for the answer
LONGEST = 16_384
NAME = re.compile(r"[0-9a-f]{32}-[0-9a-f]{32}\Z")


class Hook:
    """Hetri behind a unix socket."""

    def __init__(self, path: str) -> None:
        self._path = path

    async def admit(self, device: str, key: str) -> str | None:
        """Spend a key. `<stream>-<run>`, the stream's name, when it was right; None when not, or nobody answers."""
        status, place = await self._post("publish", {"app": "collar", "name": device, "key": key})
        return place if status == 302 and NAME.match(place) else None

    async def tell_gone(self, name: str, reason: str = "") -> None:
        """The publisher of that stream is gone; a reason says that it shall not come back. Nobody has to hear it."""
        await self._post("publish_done", {"app": "collar", "name": name, **({"reason": reason} if reason else {})})

    async def _post(self, call: str, fields: dict[str, str]) -> tuple[int, str]:
        """(status, Location); the status is 0 when there is no answer."""
        body = urlencode(fields).encode()
        head = f"POST /internal/streaming/{call} HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        try:
            async with asyncio.timeout(ANSWER_S):
                return _parsed(await self._exchange(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body))
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return 0, ""

    async def _exchange(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._path, limit=LONGEST)
        try:
            writer.write(request)
            return await reader.readuntil(b"\r\n\r\n")
        finally:
            writer.close()


def _parsed(head: bytes) -> tuple[int, str]:
    """Raises ValueError for what is no HTTP."""
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
    return int(first.split(" ", 2)[1]) if first.startswith("HTTP/1.") else 0, fields.get("location", "")
