"""bus: news from one process to 100 listeners through Redis: ours, beside channels-redis' pub/sub layer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings

from core import bus
from tools.benchmarks.report import percentile, report

LISTENERS, RATE, SECONDS = 100, 1000, 5
TOTAL = RATE * SECONDS
TICK_S = 0.01
Send = Callable[[list[int]], Awaitable[None]]


def run() -> None:
    """Latency from the push to the listener's hand, and the processor's time for an event, both ends together."""
    settings.LIVE_CHANNEL = f"bench:{uuid4().hex}"
    ours, our_cpu = asyncio.run(_through_ours())
    theirs, their_cpu = asyncio.run(_through_channels())
    p99, reference = percentile(ours, 0.99), percentile(theirs, 0.99)
    report(
        "bus",
        p99 / reference,
        (p99 * 1000, "ms p99"),
        (reference * 1000, "ms p99"),
        p50_ms=percentile(ours, 0.5) * 1000,
        reference_p50_ms=percentile(theirs, 0.5) * 1000,
        cpu_us=our_cpu * 1e6,
        reference_cpu_us=their_cpu * 1e6,
        lost=TOTAL - len(ours),
        reference_lost=TOTAL - len(theirs),
    )


async def _through_ours() -> tuple[list[float], float]:
    found: list[float] = []
    devices = [str(uuid4()) for _ in range(LISTENERS)]
    listeners = [await bus.hub().listen(("device", device), ("session", device)) for device in devices]

    async def listen(listener: bus.Listener) -> None:
        while event := await listener.get():
            found.append(time.time() - event["data"]["at"])

    async def send(numbers: list[int]) -> None:
        told = [{"type": "treat", "device": devices[n % LISTENERS], "data": {"at": time.time()}} for n in numbers]
        await asyncio.to_thread(bus.push, told)

    for listener in listeners:
        listener.miss()  # what a subscription begins with
        await listener.get()
    return found, await _measure(found, [listen(one) for one in listeners], send)


async def _through_channels() -> tuple[list[float], float]:
    found: list[float] = []
    layer = RedisPubSubChannelLayer(hosts=[settings.REDIS_URL], prefix=uuid4().hex)
    channels = [await layer.new_channel() for _ in range(LISTENERS)]
    for number, channel in enumerate(channels):
        await layer.group_add(f"device-{number}", channel)
        await layer.group_add(f"session-{number}", channel)

    async def listen(channel: str) -> None:
        while True:
            sent_at = (await layer.receive(channel))["at"]
            found.append(time.time() - sent_at)

    async def send(numbers: list[int]) -> None:
        for number in numbers:
            await layer.group_send(f"device-{number % LISTENERS}", {"type": "treat", "at": time.time()})

    return found, await _measure(found, [listen(one) for one in channels], send)


async def _measure(found: list[float], listeners: list[Awaitable[None]], send: Send) -> float:
    """Send TOTAL events at RATE; the processor's seconds for each."""
    listening = [asyncio.ensure_future(one) for one in listeners]
    each, began, cpu = int(RATE * TICK_S), time.monotonic(), time.process_time()
    for tick in range(int(SECONDS / TICK_S)):
        await send(list(range(tick * each, (tick + 1) * each)))
        await asyncio.sleep(max(0.0, began + (tick + 1) * TICK_S - time.monotonic()))
    deadline = time.monotonic() + 5
    while len(found) < TOTAL and time.monotonic() < deadline:  # noqa: ASYNC110  (counted by all listeners)
        await asyncio.sleep(0.05)
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    return (time.process_time() - cpu) / TOTAL
