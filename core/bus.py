"""The live bus: what one process knows after a commit, every web process hears, through one Redis channel.

Events are small dicts with `type`, and `device` or `session` to address them by. Nothing waits for the bus and
nothing is kept in it: who missed something reads the database again. A Redis that hangs is waited for once, for
ANSWER_S; until it answers again events are dropped, and then all listeners are told that they missed some.
"""

import asyncio
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import redis
import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
Event = dict[str, Any]
RETRY_MOST_S = 1.0
MISSED: Event = {"type": "missed"}  # some process could not say what it had to
ANSWER_S = 0.25  # Redis is on the same host or network
AGAIN_S = 0.5
_broken = threading.Event()
_breaking = threading.Lock()
QUEUE_LIMIT = 1000  # events that wait for one listener before it is told to read everything again


@cache
def _publisher() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S)


def push(events: Iterable[Event]) -> None:
    """Tell every web process; call after commit. A Redis that is away costs a log line: listeners resync."""
    batch = list(events)
    if not batch or _broken.is_set():
        return
    try:
        _publish(batch)
    except RedisError as error:
        log.warning("live_push_lost", extra={"events": len(batch), "error": str(error)})
        _break()


def _publish(batch: list[Event]) -> None:
    _publisher().publish(settings.LIVE_CHANNEL, msgspec.json.encode(batch))


def _break() -> None:
    with _breaking:
        if not _broken.is_set():
            _broken.set()
            threading.Thread(target=_mend, name="live-bus-mend", daemon=True).start()


def _mend() -> None:
    """Try until Redis answers, so that nobody who pushes has to."""
    paused = threading.Event()
    while _broken.is_set():
        paused.wait(AGAIN_S)
        try:
            _publisher().ping()
            _broken.clear()  # first: what is pushed from here on is heard, or breaks anew
            _publish([MISSED])
            log.info("live_push_again")
        except RedisError:
            _broken.set()


class Listener:
    """A bounded queue of events for one socket or one waiting request. Telemetry folds to the newest."""

    def __init__(self, keys: Iterable[Hashable]) -> None:
        self.keys = set(keys)
        self._waiting: OrderedDict[Hashable, Event] = OrderedDict()
        self._ready = asyncio.Event()
        self._count = 0
        self._missed = False

    def put(self, event: Event) -> None:
        """Queue an event; above the limit drop all and remember it."""
        self._count += 1
        fold = event["type"] == "telemetry"
        key: Hashable = ("telemetry", event["device"]) if fold else self._count
        self._waiting.pop(key, None)
        self._waiting[key] = event
        if len(self._waiting) > QUEUE_LIMIT:
            self.miss()
        self._ready.set()

    def miss(self) -> None:
        """Something was lost: the listener has to read everything again."""
        self._waiting.clear()
        self._missed = True
        self._ready.set()

    async def get(self) -> Event | None:
        """The next event; None when events were lost since the last call."""
        await self._ready.wait()
        if self._missed:
            self._missed = False
            event = None
        else:
            event = self._waiting.popitem(last=False)[1]
        if not self._waiting and not self._missed:
            self._ready.clear()
        return event


class Hub:
    """One subscription to the bus for this process and its event loop; hands events to listeners by key."""

    def __init__(self) -> None:
        self._listeners: dict[Hashable, set[Listener]] = {}
        self._task: asyncio.Task[None] | None = None
        self._subscribed = asyncio.Event()

    async def listen(self, *keys: Hashable) -> Listener:
        """A listener for events that carry one of `keys`: ("device", id), ("user", id), ("session", id).

        Returns once the subscription stands, or after a second when Redis is away.
        """
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            await asyncio.wait_for(self._subscribed.wait(), 1)
        except TimeoutError:
            log.warning("live_bus_away")
        listener = Listener(keys)
        for key in listener.keys:
            self._listeners.setdefault(key, set()).add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Stop handing events to `listener`."""
        for key in listener.keys:
            group = self._listeners.get(key, set())
            group.discard(listener)
            if not group:
                self._listeners.pop(key, None)

    async def _run(self) -> None:
        delay = 0.1
        while True:
            try:
                await self._receive()
                delay = 0.1
            except (RedisError, OSError) as error:
                log.warning("live_bus_lost", extra={"error": str(error), "retry_s": delay})
            self._subscribed.clear()
            await asyncio.sleep(delay)
            delay = min(delay * 2, RETRY_MOST_S)

    async def _receive(self) -> None:
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1)
        async with client, client.pubsub(ignore_subscribe_messages=False) as channel:
            await channel.subscribe(settings.LIVE_CHANNEL)
            async for message in channel.listen():
                if message["type"] == "subscribe":
                    if not self._subscribed.is_set():
                        self._all_missed()  # after a gap nobody knows what was said in it
                    self._subscribed.set()
                elif message["type"] == "message":
                    for event in json.loads(message["data"]):
                        self._dispatch(event)

    def _all_missed(self) -> None:
        for listener in {one for group in self._listeners.values() for one in group}:
            listener.miss()

    def _dispatch(self, event: Event) -> None:
        if event["type"] == MISSED["type"]:
            return self._all_missed()
        found: set[Listener] = set()
        for kind in ("device", "user", "session"):
            if kind in event:
                found |= self._listeners.get((kind, event[kind]), set())
        for listener in found:
            listener.put(event)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
