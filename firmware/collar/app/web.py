"""As much of HTTP (RFC 9112) as one small form needs, with a limit on everything that a client may send."""

import asyncio

LONGEST_HEAD, LONGEST_BODY = 4_096, 1_024
REQUEST_MS, LINGER_MS = 5_000, 300
CLIENTS = 4
WORDS = {
    200: "OK", 302: "Found", 400: "Bad Request", 405: "Method Not Allowed", 408: "Request Timeout",
    413: "Content Too Large", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    503: "Service Unavailable",
}  # fmt: skip
HEAD = (
    "HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; form-action 'self'\r\n"
    "%sConnection: close\r\n\r\n"
)


class Refused(Exception):
    """A request that gets no page; its only argument is the status."""


async def serve(address, answer):
    """Start the server. `answer(method, path, form)` is (status, HTML), or (302, where to go)."""
    clients = 0

    async def client(reader, writer):
        nonlocal clients
        clients += 1
        try:
            status, page = await _answered(reader, answer, clients)
            await asyncio.wait_for_ms(_send(writer, status, page), REQUEST_MS)
            if status >= 400:  # a connection that is closed with bytes unread loses the answer, too
                await asyncio.wait_for_ms(_read_all(reader), LINGER_MS)
        except (OSError, EOFError, asyncio.TimeoutError):
            pass
        finally:
            clients -= 1
            await writer.wait_closed()  # close() alone does nothing in MicroPython

    return await asyncio.start_server(client, *address)


async def _answered(reader, answer, clients):
    if clients > CLIENTS:
        return 503, ""
    try:
        return answer(*await asyncio.wait_for_ms(_request(reader), REQUEST_MS))
    except asyncio.TimeoutError:
        return 408, ""
    except Refused as refused:
        return refused.args[0], ""
    except ValueError:
        return 400, ""


async def _send(writer, status, page):
    where = ""
    if status == 302:
        where, page = "Location: %s\r\n" % page, ""
    body = page.encode()
    writer.write((HEAD % (status, WORDS[status], len(body), where)).encode())
    writer.write(body)
    await writer.drain()


async def _request(reader):
    """(method, path, form) of a request. Raises Refused, ValueError."""
    data = b""
    while b"\r\n\r\n" not in data:
        if len(data) > LONGEST_HEAD:
            raise Refused(431)
        data += await _some(reader)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    if method not in ("GET", "HEAD", "POST"):
        raise Refused(405)
    length = 0
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value)
    if not 0 <= length <= LONGEST_BODY:
        raise Refused(413)
    while len(body) < length:
        body += await _some(reader)
    return method, path.partition("?")[0], read_form(body[:length]) if method == "POST" else {}


async def _some(reader):
    data = await reader.read(512)
    if not data:
        raise EOFError
    return data


async def _read_all(reader):
    while await reader.read(512):
        pass


def read_form(body):
    """The fields of an application/x-www-form-urlencoded body (bytes), the last of a name. Raises ValueError."""
    fields = {}
    for pair in body.split(b"&"):
        name, _, value = pair.partition(b"=")
        fields[_unquote(name)] = _unquote(value)
    return fields


def _unquote(text):
    parts = text.replace(b"+", b" ").split(b"%")
    out = parts[0]
    for part in parts[1:]:
        out += bytes((int(part[:2], 16),)) + part[2:]
    return out.decode()
