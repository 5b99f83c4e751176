"""A process that is well says so: to its own host by a file, to the staff's front page by a key in Redis.

The file's age is its health for whoever watches the process (docs/operations.md). In containers each has its own
files, so the page reads the keys, which end by themselves.

A second file, NAME.alive, says only that the process moves, also while what it needs is away: who does not touch that
hangs, and is started again.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import redis
from celery.beat import PersistentScheduler
from django.conf import settings
from redis.exceptions import RedisError

from core import metrics
from core.times import CLOCK_SLACK

log = logging.getLogger(__name__)
EVERY_S = 2.0
OLD_S = 30  # what was not heard of for so long is away; docs/operations.md
STUCK_S = 180.0  # no single task may take so long
ANSWER_S = 0.2  # Redis is on the same host or network; a page and a round of the keeper wait for it
PREFIX = "hetri:heartbeat:"
_said: dict[str, float] = {}


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S)


def beat(name: str) -> None:
    """Touch the file of `name` and note it for the metrics, and every EVERY_S its key. Redis may be away."""
    metrics.HEARTBEAT.labels(name).set_to_current_time()
    folder = settings.VAR_DIR / "heartbeat"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()
    if time.monotonic() - _said.get(name, -EVERY_S) < EVERY_S:
        return
    _said[name] = time.monotonic()
    with suppress(RedisError):
        _redis().set(f"{PREFIX}{name}", 1, ex=OLD_S)


def live(name: str) -> None:
    """Touch the file that says that the process moves."""
    folder = settings.VAR_DIR / "heartbeat"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.alive").touch()


def live_forever(name: str, moves: Callable[[], bool] = lambda: True) -> None:
    """Touch it every EVERY_S while `moves()`, from a thread that dies with the process."""

    def run() -> None:
        while True:
            if moves():
                live(name)
            time.sleep(EVERY_S)

    threading.Thread(target=run, name=f"alive-{name}", daemon=True).start()


class Tasks:
    """Whether a worker still takes tasks: beat sends one every few seconds."""

    def __init__(self) -> None:
        self._ended = time.monotonic()

    def note_end(self, **about: Any) -> None:
        """Some task has ended, well or not."""
        self._ended = time.monotonic()

    def flow(self) -> bool:
        """False once none has ended for STUCK_S, although beat is there and Redis hands on what it sends."""
        if time.monotonic() - self._ended < STUCK_S:
            return True
        try:
            return not heard("beat")["beat"]
        except RedisError:
            return True


def heard(*names: str) -> dict[str, bool]:
    """Which of them are well. Raises RedisError when nobody knows."""
    found: Any = _redis().mget([f"{PREFIX}{name}" for name in names])
    return {name: value is not None for name, value in zip(names, found, strict=True)}


def beat_forever(name: str, well: Callable[[], bool] = lambda: True, stop: threading.Event | None = None) -> None:
    """Beat every EVERY_S while `well()`, from a thread that dies with the process."""
    stopping = stop or threading.Event()

    def run() -> None:
        while not stopping.is_set():
            if well():
                beat(name)
            stopping.wait(EVERY_S)

    threading.Thread(target=run, name=f"heartbeat-{name}", daemon=True).start()


class TickingScheduler(PersistentScheduler):
    """Celery's scheduler; each tick is a heartbeat."""

    def tick(self, *args: Any, **options: Any) -> float:
        """Send what is due; returns the seconds until the next tick."""
        self._follow_clock()
        pause: float = super().tick(*args, **options)
        beat("beat")
        return pause

    def _follow_clock(self) -> None:
        """What was sent before the clock was set back would not be due until the clock is there again."""
        entries = self.schedule.values()
        early = [one for one in entries if one.last_run_at and one.last_run_at > one.default_now() + CLOCK_SLACK]
        for entry in early:
            entry.last_run_at = entry.default_now()
        if early:
            self._heap = None  # its times are of that clock, too
            log.warning("clock_set_back", extra={"tasks": len(early)})
