"""The relay process: serves the fast view on its event loop, and keeps streams in a thread beside it."""

import asyncio
import logging
import signal
import threading
import time
from datetime import datetime
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection

from core import metrics
from core.heartbeat import EVERY_S, beat, live
from core.times import now
from streaming import media
from streaming.models import StreamSession
from streaming.relay.fastview import Place, Sources
from streaming.relay.server import FastView
from streaming.relay.viewlog import ViewLog
from streaming.services import keeping, streams

log = logging.getLogger(__name__)
ROUND_S = 0.5
SWEEP_EVERY = 4  # rounds


async def locate(stream: UUID) -> Place | None:
    """Where the present run of a stream is played; None when the stream is over. Raises ConnectionError."""
    found = await sync_to_async(_read)(stream)
    return (settings.RTMP_HOST, settings.RTMP_PORT, media.PLAY_APP, found) if found else None


def _read(stream: UUID) -> str | None:
    try:
        found = StreamSession.objects.filter(pk=stream, state__in=streams.OPEN).first()
        return found.publish_name if found else None
    except DatabaseError as error:
        raise ConnectionError("the database is away") from error
    finally:
        connection.close()


class Keeper:
    """A round every ROUND_S. A database that is away costs rounds, not the process: what was seen meanwhile is kept."""

    def __init__(self, view: FastView) -> None:
        self._view, self._log = view, ViewLog(settings.VIEWING_LOG)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the round."""
        self._stopping.set()
        self._thread.join(timeout=8)

    def _run(self) -> None:
        seen: dict[UUID, datetime] = {}
        count = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            seen |= self._log.new() | {viewing: now() for viewing in list(self._view.watching)}
            try:
                keeping.run_round(seen=seen)
                if count % SWEEP_EVERY == 0:
                    keeping.sweep_access()
                    beat("relay")
                seen = {}
            except DatabaseError as error:
                log.warning("keeper_waits", extra={"error": str(error)})
            except Exception:  # one bad round must not end all that come after it
                log.exception("keeper_failed")
            finally:
                connection.close()
            count += 1
            self._stopping.wait(max(0.0, ROUND_S - (time.monotonic() - began)))


async def _live() -> None:
    """Show that the event loop turns."""
    while True:
        live("relay")
        await asyncio.sleep(EVERY_S)


async def run() -> None:
    """Until SIGTERM."""
    settings.VIEWING_LOG.parent.mkdir(parents=True, exist_ok=True)
    metrics.serve("relay")
    view = FastView(Sources(locate))
    server = await view.listen(settings.RELAY_LISTEN)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    keeper = Keeper(view)
    keeper.start()
    living = asyncio.create_task(_live())
    log.info("relay_listens", extra={"where": settings.RELAY_LISTEN})
    await stopping.wait()
    living.cancel()
    server.close()
    await asyncio.to_thread(keeper.stop)
