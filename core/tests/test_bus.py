"""The live bus, and a Redis that hangs: it keeps its connections and answers nothing."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from django.conf import settings

from core import bus
from devices.models import Device
from tools.testing import Api, Collar, wait_for

STATUSES = 15


@contextmanager
def hanging_redis() -> Iterator[None]:
    """Stopped, not ended, as long as the block runs."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        wait_for(lambda: not bus._broken.is_set(), 20)


def test_a_push_waits_once_for_a_redis_that_hangs() -> None:
    with hanging_redis():
        begun = time.monotonic()
        for _ in range(100):
            bus.push([{"type": "status", "device": "7"}])
        assert time.monotonic() - begun < 100 * bus.ANSWER_S / 10


async def test_who_listens_is_told_that_pushes_were_lost() -> None:
    listener = await bus.hub().listen(("device", "7"))
    with hanging_redis():
        await asyncio.to_thread(bus.push, [{"type": "status", "device": "7"}])
    async with asyncio.timeout(20):
        while await listener.get() is not None:
            pass


def test_status_and_treats_go_on_while_redis_hangs(alice: Api, collar_of: Callable[..., Collar]) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)

    def left() -> Any:
        return Device.objects.get(pk=device["id"]).reported.get("treats_left")

    with hanging_redis():
        begun = time.monotonic()
        for number in range(STATUSES):
            collar.say_online(treats_left=number)
            wait_for(lambda: left() == number)  # noqa: B023
        assert time.monotonic() - begun < STATUSES * 2.0 / 3
        begun = time.monotonic()
        answer = alice.post(f"/devices/{device['id']}/treat", headers={"Prefer": "wait=10"})
        assert (answer.status_code, answer.json()["result"]) == (200, "dispensed")
        assert time.monotonic() - begun < 4


@pytest.fixture
def collar_of(server: str) -> Iterator[Callable[..., Collar]]:
    started: list[Collar] = []

    def begin(api: Api, device: dict[str, Any]) -> Collar:
        started.append(Collar(device["mqtt"]).start())
        wait_for(lambda: api.get(f"/devices/{device['id']}/status").json()["status"] == "online")
        return started[-1]

    yield begin
    for collar in started:
        collar.stop()
