"""Waiting for a treat's result: woken by the live bus, holding no transaction and no connection."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connection

from core.bus import Listener, hub
from treats.models import TreatEvent

LOOK_S = 1.0
SETTLED = frozenset(TreatEvent.Result.values) - {TreatEvent.Result.PENDING}


@dataclass
class ResultWait:
    """Listens for one device's treats from before the order is sent, so that no answer slips past."""

    listener: Listener

    @classmethod
    async def begin(cls, device_id: UUID) -> "ResultWait":
        """Start to listen; call `end` in any case."""
        return cls(await hub().listen(("device", str(device_id))))

    def end(self) -> None:
        """Stop listening."""
        hub().leave(self.listener)

    async def settled(self, event: TreatEvent, seconds: float) -> TreatEvent:
        """The event once it is settled, or as it is after `seconds`.

        It is read from the database when a push says so, and every LOOK_S: a push may be lost.
        """
        clock = asyncio.get_running_loop()
        until = clock.time() + seconds
        while event.result not in SETTLED and (left := until - clock.time()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, LOOK_S)):
                    await self._result_of(str(event.pk))
            event = await sync_to_async(_read)(event.pk)
        return event

    async def _result_of(self, treat_id: str) -> None:
        """Return when a push says that the treat is settled, or that pushes were lost."""
        while True:
            told = await self.listener.get()
            if told is None:
                return
            if told.get("treat") == treat_id and told["data"]["result"] in SETTLED:
                return


def _read(treat_id: UUID) -> TreatEvent:
    try:
        return TreatEvent.objects.get(pk=treat_id)
    finally:
        connection.close()
