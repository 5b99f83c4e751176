"""The fast view: JPEG pictures handed on as they come, to any number of viewers, each at its own pace.

A source is connected while somebody watches. Every viewer has room for one picture, the newest: a slow one misses
pictures, and neither waits for others nor lets them wait.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from uuid import UUID

from streaming.relay import rtmp

JPEG, H264 = 1, 7  # codec ids of FLV video tags, the lower half of their first byte
START_S = 12.0  # how long a viewer waits for a first picture, or for the next run's
RETRY_S = 0.25
Place = tuple[str, int, str, str]  # host, port, application and name
Locate = Callable[[UUID], Awaitable[Place | None]]  # where a stream's present run is played


class NoJpeg(Exception):
    """This publisher sends H.264: there is no fast view of it."""


class Viewer:
    """Holds the newest picture until it is taken."""

    def __init__(self) -> None:
        self._newest: bytes | None = None
        self._failed: Exception | None = None
        self._ready = asyncio.Event()

    def put(self, picture: bytes) -> None:
        """A newer picture replaces the one that nobody took."""
        self._newest = picture
        self._ready.set()

    def fail(self, error: Exception) -> None:
        """There will be no more."""
        self._failed = error
        self._ready.set()

    async def get(self) -> bytes:
        """The newest picture, once there is one. Raises what the source failed with."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            if self._failed is not None:
                raise self._failed
            if self._newest is not None:
                picture, self._newest = self._newest, None
                return picture


class Source:
    """One stream's pictures for all its viewers; goes from run to run until there is no other."""

    def __init__(self, stream: UUID, locate: Locate) -> None:
        self.viewers: set[Viewer] = set()
        self._stream, self._locate = stream, locate
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        error: Exception = EOFError("the stream is over")
        try:
            await self._follow()
        except NoJpeg as refused:
            error = refused
        for viewer in self.viewers:
            viewer.fail(error)

    async def _follow(self) -> None:
        """Play run after run; ends when for START_S there was no picture, or the stream is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_S
        while loop.time() < deadline:
            with suppress(OSError, EOFError, TimeoutError):
                place = await self._locate(self._stream)
                if place is None:
                    return
                async with aclosing(_pictures(place)) as pictures:
                    async for picture in pictures:
                        deadline = loop.time() + START_S
                        for viewer in self.viewers:
                            viewer.put(picture)
            await asyncio.sleep(RETRY_S)


async def _pictures(place: Place) -> AsyncGenerator[bytes, None]:
    """JPEG files. Raises NoJpeg, OSError, EOFError, and TimeoutError when nothing comes for a second or two."""
    async with aclosing(rtmp.play(*place)) as tags:
        while True:
            async with asyncio.timeout(2):
                tag = await anext(tags, None)
            if tag is None:
                return
            if tag[0] & 0x0F == H264:
                raise NoJpeg
            if tag[0] & 0x0F == JPEG:
                yield tag[1:]


class Sources:
    """The sources that somebody watches, by stream."""

    def __init__(self, locate: Locate) -> None:
        self._locate = locate
        self._sources: dict[UUID, Source] = {}

    def join(self, stream: UUID) -> Viewer:
        """A new viewer of this stream; the first one connects its source."""
        source = self._sources.get(stream)
        if source is None or source.task.done():
            source = self._sources[stream] = Source(stream, self._locate)
        viewer = Viewer()
        source.viewers.add(viewer)
        return viewer

    def leave(self, stream: UUID, viewer: Viewer) -> None:
        """The last viewer takes the source along."""
        source = self._sources.get(stream)
        if source is None:
            return
        source.viewers.discard(viewer)
        if not source.viewers:
            source.task.cancel()
            del self._sources[stream]
