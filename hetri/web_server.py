"""The web process: daphne, made to end without dropping what it was asked.

python -m hetri.web_server -u SOCKET --proxy-headers hetri.asgi:application        (the options are daphne's)

Told to end, it stops listening, tells every socket to come back (1012: the page does so at once, and repairs itself by
the snapshot), and finishes the requests in flight: at SIGTERM for 8 s at most, at SIGQUIT for as long as one may take.
"""

import ctypes
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import daphne.server
from daphne.cli import CommandLineInterface
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.task import deferLater

from hetri.incoming import RequestFactory

daphne.server.HTTPFactory = RequestFactory  # it names its factory, and cannot be given another
reactor: Any = _reactor  # the module is replaced by the reactor that daphne chose
COME_BACK = 1012  # RFC 6455's registry: service restart
PATIENCE_S = 8.0
LONG_PATIENCE_S = 25.0  # a treat waits for its collar for 20 s at most
LOOK_S = 0.05
BACKLOG = 1024  # connections that wait to be taken; of 50, Twisted's default, one caller used up all at once
M_MMAP_THRESHOLD, LARGE_BLOCK = -3, 1 << 20  # malloc.h; bytes
SAID_MOST = 4096  # bytes of a socket's message: clients have nothing to say there


class SocketProtocol(WebSocketProtocol):  # type: ignore[misc]
    """Autobahn's `sendClose` refuses every code that is meant for servers, 1012 and 1013 among them."""

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802
        """Close with any code."""
        self.sendCloseFrame(code=code or 1000)


class PatientServer(Server):  # type: ignore[misc]
    """Daphne's server with an orderly end."""

    def __init__(self, *words: Any, **options: Any) -> None:
        bounds = {"websocket_max_message_size": SAID_MOST, "websocket_max_frame_size": SAID_MOST}
        places = [f"{place}:backlog={BACKLOG}" for place in options["endpoints"]]
        super().__init__(*words, **{**options, **bounds, "endpoints": places, "ready_callable": self._set_up})
        self.ports: list[Any] = []
        self.patience_s = PATIENCE_S

    def _set_up(self) -> None:
        self.ws_factory.protocol = SocketProtocol
        signal.signal(signal.SIGQUIT, self._on_quit)

    def _on_quit(self, number: int, frame: object) -> None:
        self.patience_s = LONG_PATIENCE_S
        reactor.callFromThread(self.stop)

    def listen_success(self, port: Any) -> None:
        """Keep the port: it has to be closed before the reactor ends."""
        self.ports.append(port)
        super().listen_success(port)

    def kill_all_applications(self) -> "Deferred[Any]":
        """Called before the reactor ends, which waits for it."""
        left: Deferred[Any] = ensureDeferred(self._leave())
        return left.addBoth(lambda _: self._cancel_applications())

    async def _leave(self) -> None:
        deadline = time.monotonic() + self.patience_s
        for port in self.ports:
            await maybeDeferred(port.stopListening)
        while self._is_busy() and time.monotonic() < deadline:
            self._close_sockets()
            await deferLater(reactor, LOOK_S)

    def _close_sockets(self) -> None:
        for connection in list(self.connections):
            if isinstance(connection, WebSocketProtocol) and connection.state == connection.STATE_OPEN:
                connection.serverClose(COME_BACK)

    def _is_busy(self) -> bool:
        """Whether a request is unanswered, or a socket not closed yet; a kept-alive connection alone is no work."""
        return any("disconnected" not in about for about in self.connections.values())

    def _cancel_applications(self) -> "Deferred[Any]":
        """What is left now goes; daphne looks for an application in connections that have none any more."""
        for connection, about in list(self.connections.items()):
            if "application_instance" not in about:
                del self.connections[connection]
        ended: Deferred[Any] = super().kill_all_applications()
        return ended


class CommandLine(CommandLineInterface):  # type: ignore[misc]
    """Daphne's command line with our server."""

    server_class = PatientServer


def forget_socket(path: Path) -> None:
    """Remove what a killed process left: where that lies, daphne does not start. One that is answered stays."""
    with socket.socket(socket.AF_UNIX) as line:
        if line.connect_ex(str(path)) == 0:
            return
    for left in (path, path.with_name(f"{path.name}.lock")):
        left.unlink(missing_ok=True)


def give_back_memory() -> None:
    """Have the C library return each large block when it is freed.

    glibc learns from the first 19 MB that a password hash frees to keep such blocks, up to twice as much in each of
    eight arenas a core (mallopt(3), M_MMAP_THRESHOLD): 700 MB after a crowd of sign-ins that needed 200.
    """
    with suppress(AttributeError):  # another C library, which does not
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


def main(arguments: list[str]) -> None:
    """Serve until told to end."""
    give_back_memory()
    if "-u" in arguments:
        forget_socket(Path(arguments[arguments.index("-u") + 1]))
    CommandLine().run(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
