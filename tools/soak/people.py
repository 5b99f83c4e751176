"""Owners as a soak plays them: signed in, with sockets that count what they are told, giving treats."""

import asyncio
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ops.errors import Refusal
from ops.instance import Instance

RENEW_S = 600  # an access token lives 15 minutes
ACCOUNT = """
from accounts.models import User
for number in range({count}):
    User.objects.create_user(f"soak-{{number}}@hetri.example", {password!r}, name="Soak")
"""


def make_accounts(instance: Instance, count: int) -> list[dict[str, str]]:
    """New owners as `/auth/login` takes them."""
    password = uuid4().hex
    done = instance.manage("shell", "-c", ACCOUNT.format(count=count, password=password))
    if done.returncode:
        raise Refusal(f"No accounts: {done.stderr[-1000:]}")
    return [{"email": f"soak-{number}@hetri.example", "password": password} for number in range(count)]


@dataclass
class Treat:
    """One press of the button: how it was answered, and after how long."""

    device: str
    status: int
    result: str
    took_ms: float
    id: str = ""


@dataclass
class Told:
    """What a socket was told."""

    messages: int = 0
    late_ms: list[float] = field(default_factory=list)  # from the sample's ts to our hand
    settled: set[str] = field(default_factory=set)  # treats
    gaps: int = 0
    resyncs: int = 0
    reconnects: int = 0


class Person:
    """A signed-in owner. `client` carries a token that is renewed in time."""

    def __init__(self, url: str, context: ssl.SSLContext, account: Mapping[str, str], devices: list[str]) -> None:
        self.devices = devices
        self.treats: list[Treat] = []
        self.told: list[Told] = []
        self.client = httpx.AsyncClient(base_url=url, verify=context, timeout=30)
        self._url, self._context, self._account = url, context, account
        self._tokens: dict[str, str] = {}

    async def sign_in(self) -> None:
        """Raises HTTPStatusError."""
        answer = await self.client.post("/auth/login", json=dict(self._account))
        self._keep(answer)

    async def stay_signed_in(self) -> None:
        """Renew the token until cancelled."""
        while True:
            await asyncio.sleep(RENEW_S)
            self._keep(await self.client.post("/auth/refresh", json={"refresh": self._tokens["refresh"]}))

    def _keep(self, answer: httpx.Response) -> None:
        answer.raise_for_status()
        self._tokens = answer.json()
        self.client.headers["Authorization"] = f"Bearer {self._tokens['access']}"

    async def give(self, device: str) -> Treat:
        """A treat, from the tap to the answer."""
        begun = time.monotonic()
        answer = await self.client.post(f"/devices/{device}/treat", json={}, headers={"Idempotency-Key": uuid4().hex})
        took_ms = (time.monotonic() - begun) * 1000
        body = answer.json()
        treat = Treat(device, answer.status_code, body.get("result", body.get("code")), took_ms, body.get("id", ""))
        self.treats.append(treat)
        return treat

    async def listen(self) -> None:
        """A socket on all own collars until cancelled; one that is closed is opened again, and that is counted."""
        told = Told()
        self.told.append(told)
        while True:
            try:
                async with await self._open() as socket:
                    await _hear(socket, told)
            except ConnectionClosed:
                told.reconnects += 1

    async def _open(self) -> ClientConnection:
        address = self._url.replace("https", "wss", 1) + "/ws/devices"
        words: Any = ["bearer", self._tokens["access"]]
        return await connect(address, subprotocols=words, ssl=self._context, compression=None)


async def _hear(socket: ClientConnection, told: Told) -> None:
    """Count until it is closed. Raises ConnectionClosed."""
    at = 0
    while True:
        message = json.loads(await socket.recv())
        now_ms = time.time() * 1000
        if message["type"] in ("snapshot", "resync"):
            told.resyncs += message["type"] == "resync"
            continue
        told.messages += 1
        told.gaps += message["n"] != at + 1
        at = message["n"]
        data = message["data"]
        if message["type"] == "telemetry":
            told.late_ms.append(now_ms - datetime.fromisoformat(data["ts"]).timestamp() * 1000)
        elif message["type"] == "treat" and data["result"] != "pending":
            told.settled.add(data["id"])
