"""What a request may not do to the web process, asked directly, as if no nginx stood before it."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from accounts.tests.test_auth_api import browser
from conftest import Around
from tools.testing import Api, speak

Log = Callable[[], str]

# What daphne, Django, Channels, allauth and DRF read; tests/test_headers.py sees that it is all.
READ = (
    "Accept", "Accept-Language", "Authorization", "Connection", "Content-Disposition", "Content-Length", "Content-Type",
    "Cookie", "Daphne-Root-Path", "Host", "Idempotency-Key", "If-Match", "If-None-Match", "Origin", "Prefer", "Range",
    "Referer", "Sec-Fetch-Site", "Sec-WebSocket-Extensions", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version", "Transfer-Encoding", "Upgrade", "User-Agent", "X-CSRFToken", "X-Forwarded-For",
    "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Hetri-Hook", "X-Request-ID", "X-Requested-With",
)  # fmt: skip
NASTY = (
    b"\xff", b"\xc3\x28", b"\xe2\x82\xac", b"%ff%00", b"[", b"http://[", b"https://a:b", b"\t,;=\"", b"-1", b"9" * 400,
    b"a" * 7000, b"multipart/form-data; boundary=\xff", b"text/html; charset=zlib", b"../../%2e%2e",
)  # fmt: skip
SOCKET = {
    "Upgrade": b"websocket", "Connection": b"Upgrade", "Sec-WebSocket-Version": b"13",
    "Sec-WebSocket-Key": b"dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


def said(first: bytes, headers: dict[str, bytes], body: bytes = b"") -> bytes:
    lines = [first, *(name.encode() + b": " + value for name, value in headers.items())]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def host(server: str) -> bytes:
    return urlsplit(server).netloc.encode()


@pytest.fixture
def log(around: Around) -> Log:
    """What the web process said since the test began."""
    path = around.logs / "web.log"
    begin = path.stat().st_size
    return lambda: path.read_text()[begin:]


@pytest.mark.parametrize("name", READ)
def test_no_header_makes_a_fault_of_ours(server: str, live_db: None, log: Log, name: str) -> None:
    for value in NASTY:
        for first, more in (
            (b"GET /account/login HTTP/1.1", {}),
            (b"GET /me HTTP/1.1", {"Authorization": b"Bearer x"}),
            (
                b"POST /account/login HTTP/1.1",
                {"Content-Type": b"application/x-www-form-urlencoded", "Content-Length": b"3"},
            ),
            (b"GET /ws/devices HTTP/1.1", SOCKET),
            (b"GET /nowhere HTTP/1.1", SOCKET),
        ):
            headers = {"Host": host(server), **more, name: value}
            promises = name in ("Content-Length", "Transfer-Encoding")
            try:
                status, _, body = speak(
                    server,
                    said(first, headers, b"a=b" if first.startswith(b"POST") else b""),
                    seconds=1 if promises else 10,
                )
            except TimeoutError:  # it waits for a body that the header promised
                assert promises
                continue
            assert status < 500, (first, value, body)
    assert "Traceback" not in log()


@pytest.mark.parametrize("root", ["https://evil.example", "/x", "\xff", "%ff", "/"])
def test_a_root_path_has_no_effect(server: str, live_db: None, root: str) -> None:
    headers = {"Host": host(server), "Daphne-Root-Path": root.encode("latin-1")}
    status, found, _ = speak(server, said(b"GET /pet/ HTTP/1.1", headers))
    assert (status, found["Location"]) == (302, "/account/login?next=/pet/")
    status, _, body = speak(server, said(b"GET /x/internal/streaming/publish HTTP/1.1", headers))
    assert (status, b"not_found" in body) == (404, True)
    assert speak(server, said(b"GET /ws/devices HTTP/1.1", {**headers, **SOCKET}))[0] == 101


class Pulse:
    """How long /healthz takes at most, asked all the time from a thread."""

    def __init__(self, server: str) -> None:
        self._server, self._over = server, threading.Event()
        self.worst_s, self.asked = 0.0, 0

    def feel(self) -> None:
        with httpx.Client(base_url=self._server, timeout=30) as client:
            while not self._over.wait(0.005):
                began = time.monotonic()
                assert client.get("/healthz").status_code == 200
                self.worst_s, self.asked = max(self.worst_s, time.monotonic() - began), self.asked + 1

    @contextlib.contextmanager
    def felt(self) -> Iterator["Pulse"]:
        thread = threading.Thread(target=self.feel)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()


STANDSTILL_S = 3.0  # on a machine that does other things as well; it was 4 to 7 s on a quiet one
FORM, PARTS, JSON = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json"
PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
BODIES = {
    "fields": (FORM, b"a=&" * 4_300_000),
    "parts": (PARTS, PART * 230_000 + b"--x--\r\n"),
    "one long part": (PARTS, PART + b"y" * 12_000_000 + b"\r\n--x--\r\n"),
    "no end of a part": (PARTS, PART * 230_000),
    "headers of a part": (PARTS, b"--x\r\n" + b"a: b\r\n" * 1_500_000),
    "deep JSON": (JSON, b"[" * 990_000),
    "keys": (JSON, b"{" + b",".join(b'"%d":1' % number for number in range(80_000)) + b"}"),
    "numbers": (JSON, b"[" + b"9" * 4000 + b"]"),
}


@pytest.mark.parametrize("kind", BODIES)
def test_no_body_stops_the_others(server: str, alice: Api, log: Log, kind: str) -> None:
    content_type, body = BODIES[kind]
    with browser(server, alice.user) as signed_in, Pulse(server).felt() as pulse:
        for client in (httpx.Client(base_url=server, timeout=60), signed_in, alice):
            headers = {"Content-Type": content_type, "Origin": server}
            for path in (
                ("/auth/login", f"/devices/{uuid4()}/treat") if content_type == JSON else (f"/pet/{uuid4()}/picture",)
            ):
                answer = client.post(path, content=body, headers=headers)
                assert 400 <= answer.status_code < 500, (path, answer.status_code)
                assert answer.content
    assert pulse.worst_s < STANDSTILL_S, f"{pulse.worst_s:.2f} s of {pulse.asked}"
    assert "Traceback" not in log()


def test_a_body_without_end_ends_the_connection(server: str, live_db: None) -> None:
    head = said(b"POST /me HTTP/1.1", {"Host": host(server), "Transfer-Encoding": b"chunked"})
    with pytest.raises((OSError, http.client.HTTPException)):
        speak(server, head + (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 40)


@pytest.mark.parametrize("path", ["/pets", "/account/login"])
def test_a_broken_multipart_body_is_refused_in_words(server: str, alice: Api, path: str) -> None:
    with browser(server, alice.user) as client:
        for content_type in (
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=x",
        ):
            answer = client.post(
                path, content=b"--y nonsense", headers={"Content-Type": content_type, "Origin": server}
            )
            if path == "/pets":
                assert (answer.status_code in (400, 403, 415), set(answer.json()) >= {"code", "detail"}) == (True, True)
            else:
                assert (answer.status_code in (400, 403), "<html" in answer.text) == (True, True)


def test_an_upgrade_with_a_body_is_refused(server: str, live_db: None) -> None:
    headers = {"Host": host(server), **SOCKET, "Content-Length": b"4"}
    status, _, body = speak(server, said(b"GET /ws/devices HTTP/1.1", headers, b"\x81\x80ab"))
    assert (status, json.loads(body)["code"]) == (400, "bad_request")
