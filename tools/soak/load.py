"""Requests of all kinds, a socket and waiting treats, kept up while something is done to the installation."""

import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.client import HTTPSConnection
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ops.errors import Refusal

PATHS = ("/healthz", "/devices", "/me", "/devices/{0}/status", "/devices/{0}/telemetry?limit=50", "/account/login")
PAUSE_S = 0.05
SLOW_BODY_S = 4.0
SETTLED_WITHIN_S = 35.0  # a treat that nobody answers expires after 30 s


class Load:
    """Until its end each thread asks, and notes what was not answered as it should be in `failures`.

    `quick` and `slow` are collars; the motor of the slow one, if there is one, turns for seconds: a treat waits for it.
    """

    def __init__(self, url: str, context: ssl.SSLContext, account: dict[str, str], quick: str, slow: str = "") -> None:
        self.failures: list[str] = []
        self.answers: Counter[str] = Counter()
        self.closed: Counter[int] = Counter()  # close codes of the socket
        self.snapshots = 0
        self.away_s = 0.0  # the longest that the socket took to be back
        self._url, self._context, self._account, self._quick, self._slow = url, context, account, quick, slow
        self._over = threading.Event()
        with self._client() as anyone:
            self._bearer = anyone.post("/auth/login", json=account).raise_for_status().json()["access"]
        kinds = [self._reads, self._writes, self._treats, self._slow_bodies, self._listens]
        kinds += [self._waits] if slow else []
        self._threads = [threading.Thread(target=self._keep_on, args=(kind,)) for kind in kinds]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def facts(self) -> dict[str, object]:
        """What was asked, and how the socket fared. Raises Refusal when one failed, or was closed otherwise."""
        if self.failures or set(self.closed) != {1012}:
            raise Refusal(f"Failed: {self.failures[:10]}; sockets closed with {dict(self.closed)}.")
        asked = {"requests": sum(self.answers.values()), "kinds": dict(self.answers), "failed": 0}
        return {**asked, "socket_closed": dict(self.closed), "socket_back_s": round(self.away_s, 2)}

    def _client(self, bearer: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return httpx.Client(base_url=self._url, verify=self._context, timeout=40, headers=headers)

    def _keep_on(self, kind: Callable[[httpx.Client], None]) -> None:
        with self._client(self._bearer) as client:
            while not self._over.wait(PAUSE_S):
                try:
                    kind(client)
                except Exception as error:
                    self.failures.append(f"{kind.__name__}: {error!r}")

    def _expect(self, what: str, answer: httpx.Response, *statuses: int) -> None:
        self.answers[what] += 1
        if answer.status_code not in statuses:
            self.failures.append(f"{what}: {answer.status_code} {answer.text[:200]}")

    def _reads(self, client: httpx.Client) -> None:
        for path in PATHS:
            self._expect("read", client.get(path.format(self._quick)), 200)

    def _writes(self, client: httpx.Client) -> None:
        self._expect("write", client.patch(f"/devices/{self._quick}", json={"name": uuid4().hex}), 200)

    def _treats(self, client: httpx.Client) -> None:
        self._treat(client, self._quick, "treat")

    def _waits(self, client: httpx.Client) -> None:
        self._treat(client, self._slow, "waiting treat")

    def _treat(self, client: httpx.Client, device: str, what: str) -> None:
        """202 is an answer, too: ingest was away for longer than the wait. It has to be settled, though."""
        headers = {"Idempotency-Key": uuid4().hex, "Prefer": "wait=20"}
        answer = client.post(f"/devices/{device}/treat", json={}, headers=headers)
        self._expect(what, answer, 200, 202)
        if answer.status_code not in (200, 202):
            return
        treat, deadline = answer.json(), time.monotonic() + SETTLED_WITHIN_S
        while treat["result"] == "pending" and time.monotonic() < deadline:
            time.sleep(0.2)
            treat = client.get(f"/devices/{device}/treats/{treat['id']}").raise_for_status().json()
        if treat["result"] != "dispensed":
            self.failures.append(f"{what}: {treat['result']}")

    def _slow_bodies(self, client: httpx.Client) -> None:
        """A sender on a thin line: nginx chose an instance before it has the whole body."""
        body, where = json.dumps(self._account).encode(), urlsplit(self._url)
        line = HTTPSConnection(where.hostname or "", where.port, context=self._context, timeout=40)
        line.putrequest("POST", "/auth/login")
        line.putheader("Content-Type", "application/json")
        line.putheader("Content-Length", str(len(body)))
        line.endheaders()
        for at in range(len(body)):
            line.send(body[at : at + 1])
            time.sleep(SLOW_BODY_S / len(body))
        answer = line.getresponse()
        self.answers["slow body"] += 1
        if answer.status != 200:
            self.failures.append(f"slow body: {answer.status}")
        line.close()

    def _listens(self, client: httpx.Client) -> None:
        """As the page does: a socket that is closed is opened again at once, and begins with a snapshot."""
        words: Any = ["bearer", self._bearer]
        address = self._url.replace("https", "wss", 1) + "/ws/devices"
        begun = time.monotonic()
        with connect(address, subprotocols=words, ssl=self._context) as socket:
            first = json.loads(socket.recv(10))
            self.away_s = max(self.away_s, time.monotonic() - begun)
            self.snapshots += first["type"] == "snapshot"
            try:
                self._count(socket)
            except ConnectionClosed as closed:
                self.closed[closed.rcvd.code if closed.rcvd else 1006] += 1

    def _count(self, socket: Any) -> None:
        at = 0
        while not self._over.is_set():
            try:
                message = json.loads(socket.recv(0.5))
            except TimeoutError:
                continue
            if message["type"] in ("resync", "snapshot"):
                continue
            if message["n"] != at + 1:
                self.failures.append(f"socket: {message['n']} after {at}")
            at = message["n"]
