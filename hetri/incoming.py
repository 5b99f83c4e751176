"""How a request comes from the wire to the application: nothing in it steers the server, no body is parsed on the way.

Twisted would parse forms in the event loop, before anybody knows who asks: seconds for a body of some megabytes.
Django parses them itself, in a thread, with its limits, once a view wants them.
"""

import ipaddress
import json
from html import escape
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest

from core.paths import is_page

# What daphne and Django would believe about the way that a request came; settings say it instead.
STEERING = (b"Daphne-Root-Path", b"Forwarded", b"X-Forwarded-Host", b"X-Forwarded-Port", b"X-Forwarded-Proto")
BODY_MOST = 16_000_000  # bytes; nginx takes 13 MB at most
UNREADABLE = "The request cannot be read."


class Request(WebRequest):  # type: ignore[misc]
    """Daphne's request, which believes less."""

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **{**options, "parsePOSTFormSubmission": False})
        self._taken = 0

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        """Take a piece of the body. One that never ends, ends the connection."""
        self._taken += len(data)
        if self._taken > BODY_MOST:
            self.channel.loseConnection()
        else:
            super().handleContentChunk(data)

    def process(self) -> Any:
        """Hand it on without what steers, or refuse it."""
        for name in STEERING:
            self.requestHeaders.removeHeader(name)
        if not (self._comes_from_an_address() and self._may_become_a_socket() and self._can_be_cut()):
            return self.basic_error(400, b"Bad Request", UNREADABLE)
        return super().process()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """What the server itself says: JSON to programs, a page to people."""
        page = is_page((self.path or b"").decode("latin-1"))
        title = f"{status} {status_text.decode()}"
        html = f'<!doctype html><html lang="en"><title>{title}</title><h1>{title}</h1><p>{escape(body)}</p></html>'
        code = "bad_request" if status == 400 else "server_error"
        text = html if page else json.dumps({"code": code, "detail": body})
        kind = b"text/html; charset=utf-8" if page else b"application/json"
        self.handle_reply({"type": "http.response.start", "status": status, "headers": [(b"Content-Type", kind)]})
        self.handle_reply({"type": "http.response.body", "body": text.encode()})

    def _comes_from_an_address(self) -> bool:
        """Whether the proxy in front names one address, which is kept as the caller's."""
        told = self.requestHeaders.getRawHeaders(b"X-Forwarded-For")
        if told is None:
            return True
        try:
            ipaddress.ip_address(told[0].decode("latin-1").split(",")[0].strip())
        except ValueError:
            return False
        return True

    def _may_become_a_socket(self) -> bool:
        """Whether a request that asks for a WebSocket is one: a GET without body, its protocols in ASCII."""
        if (self.requestHeaders.getRawHeaders(b"Upgrade") or [b""])[0].lower() != b"websocket":
            return True
        offered = self.requestHeaders.getRawHeaders(b"Sec-WebSocket-Protocol") or []
        return bool(self.method == b"GET" and not self._taken and all(value.isascii() for value in offered))

    def _can_be_cut(self) -> bool:
        """Whether a form of parts says what is between them."""
        kind = (self.requestHeaders.getRawHeaders(b"Content-Type") or [b""])[0].lower()
        return not kind.startswith(b"multipart/form-data") or b"boundary=" in kind


class RequestFactory(HTTPFactory):  # type: ignore[misc]
    """Makes ours."""

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        """One connection."""
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol
