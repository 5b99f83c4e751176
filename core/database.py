"""Connections to PostgreSQL that notice when it hangs.

A server that was stopped, or whose machine froze, still has its sockets open: a query would wait for ever, and with it
the request and one of the process's threads. `statement_timeout` is the server's own and hangs with it. So whoever
has waited for long asks the server beside it whether it lives. A query that only takes its time goes on.
"""

import socket
import struct
import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg

T = TypeVar("T")
SILENT_S = 2.0  # without a byte until the server is asked, and again after each answer
ANSWER_S = 1.0
# SSLRequest (PostgreSQL's protocol, "Message Formats"): the server forks for it and answers one byte before a sign-in.
_SSL_REQUEST = struct.pack("!II", 8, 80877103)


class WatchedConnection(psycopg.Connection[Any]):
    """As psycopg's; closes and raises OperationalError once the server answers neither here nor elsewhere."""

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """Drive `gen` to its end, as psycopg does."""
        return super().wait(self._watched(gen), *args, **options)

    def _watched(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        ask_at = time.monotonic() + SILENT_S
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    ask_at = time.monotonic() + SILENT_S
                elif time.monotonic() > ask_at:
                    self._require_server()
                    ask_at = time.monotonic() + SILENT_S
                wanted = gen.send(ready)
        except StopIteration as ended:
            result: T = ended.value
            return result

    def _require_server(self) -> None:
        if not answers(self.info.hostaddr or self.info.host, self.info.port):
            self.pgconn.finish()
            raise psycopg.OperationalError("The database hangs.")


def answers(host: str, port: int) -> bool:
    """Whether a PostgreSQL server lives there; `host` is a name, an address, or the folder of its socket."""
    try:
        with _open(host, port) as line:
            line.settimeout(ANSWER_S)
            line.sendall(_SSL_REQUEST)
            return len(line.recv(1)) == 1
    except OSError:
        return False


def _open(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), timeout=ANSWER_S)
    line = socket.socket(socket.AF_UNIX)
    try:
        line.settimeout(ANSWER_S)
        line.connect(f"{host}/.s.PGSQL.{port}")
    except OSError:
        line.close()
        raise
    return line
