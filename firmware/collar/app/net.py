"""A TLS connection for asyncio: every address is tried, the certificate and its name are checked."""

import asyncio
import errno
import select
import socket
import ssl

CONNECT_MS = 10_000
# What a socket, TLS or the parser of what came over it may raise.
ERRORS = (OSError, ValueError, EOFError, asyncio.TimeoutError)
_IPPROTO_TCP = 6
_TCP_NODELAY = 1


def _readable(sock):
    yield asyncio.core._io_queue.queue_read(sock)


def _writable(sock):
    yield asyncio.core._io_queue.queue_write(sock)


def tls_context(roots):
    """A context that trusts these CAs (DER, one behind the other) and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    for root in certificates(roots):
        context.load_verify_locations(cadata=root)
    return context


def certificates(joined):
    """The certificates in DER that lie one behind the other. Each begins with 30 82 and its length in two bytes (X.690)."""
    found = []
    while joined:
        size = 4 + (joined[2] << 8 | joined[3]) if joined[:2] == b"\x30\x82" and len(joined) > 4 else len(joined)
        found.append(joined[:size])
        joined = joined[size:]
    return found


def _addresses(host, port):
    """Every TCP address of a name, each once, in the resolver's order."""
    found = []
    for family, kind, _, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        if (family, kind, address) not in found:
            found.append((family, kind, address))
    return found


def _failed(sock):
    """True if a connect that has ended did not end well (there is no getsockopt to ask)."""
    poller = select.poll()
    poller.register(sock, select.POLLOUT)
    return any(flags & (select.POLLERR | select.POLLHUP) for _, flags in poller.poll(0))


async def _dial(family, kind, address):
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        try:
            sock.connect(address)
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise
        await asyncio.wait_for_ms(_writable(sock), CONNECT_MS)
        if _failed(sock):
            raise OSError(errno.ECONNREFUSED)
    except BaseException:
        sock.close()
        raise
    try:
        sock.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
    except (OSError, AttributeError):
        pass  # Some ports cannot; answers are slower then, not wrong.
    return sock


async def open_tls(host, port, context):
    """A `Wire` to the first address of `host` that answers. The handshake runs with the first write."""
    last = OSError(errno.EHOSTUNREACH)
    for family, kind, address in _addresses(host, port):
        try:
            sock = await _dial(family, kind, address)
        except (OSError, asyncio.TimeoutError) as error:
            last = error
            continue
        try:
            tls = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
            tls.setblocking(False)
        except BaseException:
            sock.close()
            raise
        return Wire(sock, tls)
    raise last


class Wire:
    """Bytes over TLS. One reader; writers take turns."""

    def __init__(self, sock, tls):
        self._sock = sock
        self._tls = tls
        self._lock = asyncio.Lock()
        self._greeted = False

    async def read(self, size):
        """Exactly `size` bytes, in a bytearray of that size and no other memory."""
        data = bytearray(size)
        rest = memoryview(data)
        while rest:
            # TLS first: what lies decrypted inside it never shows on the socket.
            count = self._tls.readinto(rest)
            if count is None:
                await _readable(self._sock)
            elif not count:
                raise EOFError("closed")
            else:
                rest = rest[count:]
        return data

    async def write(self, data):
        """All of `data`, never mixed with another writer's."""
        async with self._lock:
            rest = memoryview(data)
            while rest:
                sent = self._tls.write(rest)
                if sent:
                    rest = rest[sent:]
                else:
                    # During the handshake only TLS knows which direction it waits for; afterwards the plain
                    # socket is asked, which lets the process sleep instead of polling.
                    await _writable(self._sock if self._greeted else self._tls)
            self._greeted = True

    def close(self):
        """End it; may be called twice."""
        for part in (self._tls, self._sock):
            try:
                part.close()
            except (OSError, ValueError):
                pass
