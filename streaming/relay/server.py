"""HTTP of the fast view, behind nginx, which has checked the token: GET /<stream>/<viewing>."""

import asyncio
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from streaming import tokens
from streaming.relay.fastview import NoJpeg, Sources, Viewer

REQUEST = re.compile(rb"GET /([0-9a-f-]{36})/([0-9a-f]{32}) HTTP/1\.[01]\r\n")
RECHECK_S = 2.0
SEND_WAIT_S = 10.0  # a viewer that takes no byte for so long is gone
HEAD_WAIT_S = 5.0
BUFFER = 64 * 1024  # bytes on their way to one viewer before the next picture waits
BOUNDARY = "picture"
HEAD = (
    "HTTP/1.1 200 OK\r\n"
    f"Content-Type: multipart/x-mixed-replace; boundary={BOUNDARY}\r\n"
    f"Cache-Control: no-store\r\nConnection: close\r\n\r\n--{BOUNDARY}\r\n"
)


class FastView:
    """Serves pictures; `watching` are the viewings that are connected, for the ledger."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.watching: Counter[UUID] = Counter()

    async def listen(self, where: str) -> asyncio.Server:
        """Listen on a socket's path, or on host:port."""
        if "/" in where:
            _make_way(Path(where))
            return await asyncio.start_unix_server(self._serve, where)
        host, port = where.rsplit(":", 1)
        return await asyncio.start_server(self._serve, host, int(port))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
                await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_WAIT_S):
            request = REQUEST.match(await reader.readuntil(b"\r\n\r\n"))
        if request is None:
            return _refuse(writer, "404 Not Found")
        stream, viewing = UUID(request[1].decode()), UUID(request[2].decode())
        viewer = self._sources.join(stream)
        self.watching[viewing] += 1
        try:
            await self._send(writer, viewer, stream, viewing)
        except NoJpeg:
            _refuse(writer, "404 Not Found")
        finally:
            self._sources.leave(stream, viewer)
            self.watching[viewing] -= 1
            self.watching += Counter()  # forgets those at 0

    async def _send(self, writer: asyncio.StreamWriter, viewer: Viewer, stream: UUID, viewing: UUID) -> None:
        """Picture after picture, until the viewer, the stream or the right to watch is gone."""
        writer.transport.set_write_buffer_limits(high=BUFFER)
        begun, checked, clock = False, 0.0, asyncio.get_running_loop()
        while True:
            if clock.time() - checked >= RECHECK_S:
                checked = clock.time()
                if not tokens.allowed(stream, viewing):
                    return None if begun else _refuse(writer, "403 Forbidden")
            try:
                async with asyncio.timeout(RECHECK_S):
                    picture = await viewer.get()
            except TimeoutError:
                if writer.is_closing():
                    return None
                continue
            except EOFError:
                return None if begun else _refuse(writer, "404 Not Found")
            if not begun:
                writer.write(HEAD.encode())
                begun = True
            writer.write(_part(picture))
            async with asyncio.timeout(SEND_WAIT_S):
                await writer.drain()


def _make_way(path: Path) -> None:
    """Nobody listens where an old socket lies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)


def _part(picture: bytes) -> bytes:
    """A browser shows a part when the next boundary has come, so the boundary follows each picture at once."""
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
    return head.encode() + picture + f"\r\n--{BOUNDARY}\r\n".encode()


def _refuse(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
