"""GET of a piece over HTTPS, one connection for many (RFC 9110, 9112)."""

from app import net

LONGEST_HEADER = 1024


class Refused(Exception):
    """The server answered otherwise than with what was asked for; says its status."""


class Https:
    """A server whose certificate the CA signed. Raises net.ERRORS when the connection breaks."""

    def __init__(self, host, port, ca):
        self._host, self._port, self._ca = host, port, ca
        self._wire = None

    async def get(self, path, first, count):
        """Up to `count` bytes of a resource from byte `first` on; fewer where it ends."""
        if self._wire is None:
            self._wire = await net.open_tls(self._host, self._port, net.tls_context(self._ca))
        asked = "GET %s HTTP/1.1\r\nHost: %s:%d\r\nRange: bytes=%d-%d\r\n\r\n"
        await self._wire.write((asked % (path, self._host, self._port, first, first + count - 1)).encode())
        status = (await self._line()).split()[1]
        length = 0
        while line := await self._line():
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        if status != "206":
            self.close()
            raise Refused(status)
        if not 0 < length <= count:
            raise ValueError("length")
        return await self._wire.read(length)

    async def _line(self):
        found = b""
        while not found.endswith(b"\r\n"):
            if len(found) > LONGEST_HEADER:
                raise ValueError("header")
            found += await self._wire.read(1)
        return found[:-2].decode()

    def close(self):
        """End the connection; may be called twice."""
        wire, self._wire = self._wire, None
        if wire:
            wire.close()
