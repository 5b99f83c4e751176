"""push: 100 sockets, 1,000 messages a second in all, through all parts; beside a bare websockets server."""

import asyncio
import json
import os
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from core import bus
from tools.benchmarks.people import make_devices, make_owner
from tools.benchmarks.report import percentile, report

SOCKETS, RATE, SECONDS = 100, 1000, 10
TOTAL = RATE * SECONDS
TICK_S = 0.01


def run() -> None:
    """Latency from the push to the client's hand; nothing may be missing."""
    owner, token = make_owner()
    devices = [str(device.pk) for device, _ in make_devices(owner, SOCKETS)]
    ours = asyncio.run(_through_hetri(devices, str(owner.pk), token))
    bare = asyncio.run(_through_bare_server())
    p99, floor = percentile(ours, 0.99), percentile(bare, 0.99)
    report(
        "push",
        p99 / floor,
        (p99 * 1000, "ms p99"),
        (floor * 1000, "ms p99"),
        p50_ms=percentile(ours, 0.5) * 1000,
        sent=TOTAL,
        received=len(ours),
        lost=TOTAL - len(ours),
        reference_received=len(bare),
    )


async def _through_hetri(devices: list[str], owner: str, token: str) -> list[float]:
    base = os.environ["HETRI_URL"].replace("https", "wss")
    context = ssl.create_default_context(cafile=str(settings.TLS_CA))
    protocols: Any = ["bearer", token]
    sockets = [
        await connect(f"{base}/ws/devices/{device}", subprotocols=protocols, ssl=context, compression=None)
        for device in devices
    ]
    for socket in sockets:
        assert json.loads(await socket.recv())["type"] == "snapshot"

    async def send(numbers: range) -> None:
        # Treat events: telemetry may fold to the newest, these are all told.
        event = {"type": "treat", "user": owner}
        events = [{**event, "device": devices[n % SOCKETS], "data": {"at": time.time()}} for n in numbers]
        await asyncio.to_thread(bus.push, events)

    return await _measure(sockets, send, lambda message: float(message["data"]["at"]))


async def _through_bare_server() -> list[float]:
    accepted: list[ServerConnection] = []

    async def keep(socket: ServerConnection) -> None:
        accepted.append(socket)
        await socket.wait_closed()

    async with serve(keep, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        sockets = [await connect(f"ws://127.0.0.1:{port}", compression=None) for _ in range(SOCKETS)]

        async def send(numbers: range) -> None:
            for number in numbers:
                await accepted[number % SOCKETS].send(json.dumps({"at": time.time()}))

        return await _measure(sockets, send, lambda message: float(message["at"]))


async def _measure(
    sockets: list[ClientConnection], send: Callable[[range], Awaitable[None]], sent_at: Callable[[Any], float]
) -> list[float]:
    """Send TOTAL messages at RATE and return the latency of each that came, in seconds."""
    found: list[float] = []

    async def listen(socket: ClientConnection) -> None:
        async for message in socket:
            found.append(time.time() - sent_at(json.loads(message)))

    listening = [asyncio.create_task(listen(socket)) for socket in sockets]
    each, began = int(RATE * TICK_S), time.monotonic()
    for tick in range(int(SECONDS / TICK_S)):
        await send(range(tick * each, (tick + 1) * each))
        await asyncio.sleep(max(0.0, began + (tick + 1) * TICK_S - time.monotonic()))
    deadline = time.monotonic() + 5
    while len(found) < TOTAL and time.monotonic() < deadline:  # noqa: ASYNC110  (counted by 100 listeners)
        await asyncio.sleep(0.05)
    for task in listening:
        task.cancel()
    for socket in sockets:
        await socket.close()
    return found
