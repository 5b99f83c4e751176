"""Connections of odd publishers at the media server's public port, while another stream plays on."""

import asyncio
import contextlib
import random
import re
import ssl
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs
from uuid import uuid4

from firmware.tests.broker import make_authority
from firmware.tests.media import Hook, Media
from gate import amf, chunks
from gate.tests.client import Line, film, jpeg, rss_mb
from ops.errors import Refusal
from ops.processes import cpu_s
from streaming.relay import rtmp

CONNECTIONS = 100_000
SIDE_BY_SIDE = 20
WITH_KEY = 0.01  # each of these starts a transcoder
GAP_MOST_S = 5.0
GROWTH_MOST_MB = 40.0
ANSWER_S = 0.03  # how long one listens before it goes
SEED = 20261126


class KeyHook(Hook):
    """Consents to keys that begin with `good`, each under a name of its own; `steady` has the first name."""

    def decide(self, body: str) -> tuple[int, str]:
        key = parse_qs(body).get("key", [""])[0]
        name = self.name if key == "steady" else f"{uuid4().hex}-{uuid4().hex}"
        return (302 if key == "steady" or key.startswith("good") else 403), name


class Fuzzer:
    """Makes sessions that are right up to some part, and wrong from there on."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._picture = jpeg(32, 32)

    def session(self) -> tuple[str, bytes]:
        """(what was done to it, all its bytes)."""
        good = self._random.random() < WITH_KEY
        parts = self._parts("good" if good else "bad")
        at = self._random.randrange(PUBLISHED, len(parts)) if good else self._random.randrange(len(parts))
        kind = self._random.choice(MUTATIONS)
        tail = [*parts[at:]]
        changed = getattr(self, f"_{kind}")(tail)
        stage = "with a key" if good else NAMES[min(at, len(NAMES) - 1)]
        return f"{stage}: {kind}", b"".join(parts[:at]) + changed

    def _parts(self, key: str) -> list[bytes]:
        """A publisher's session, as ffmpeg sends it."""
        command = chunks.COMMAND
        name = f"device?key={key}"
        told: dict[str, amf.Value] = {"app": "collar", "type": "nonprivate", "flashVer": "FMLE/3.0"}
        picture = b"\x11" + self._picture
        return [
            b"\x03" + self._random.randbytes(1536),
            self._random.randbytes(1536),
            chunks.encode(command, amf.encode("connect", 1.0, {**told, "tcUrl": "rtmps://localhost/collar"})),
            chunks.encode(command, amf.encode("releaseStream", 2.0, None, name)),
            chunks.encode(command, amf.encode("FCPublish", 3.0, None, name)),
            chunks.encode(command, amf.encode("createStream", 4.0, None)),
            chunks.encode(command, amf.encode("publish", 5.0, None, name, "live"), channel=8, stream=1),
            chunks.encode(chunks.SET_CHUNK_SIZE, (60_000).to_bytes(4, "big"), channel=2),
            chunks.encode(
                chunks.DATA, amf.encode("@setDataFrame", "onMetaData", {"width": 32.0}), stream=1, size=60_000
            ),
            *(chunks.encode(9, picture, channel=6, at=at * 40, stream=1, size=60_000) for at in range(4)),
        ]

    def _bits(self, tail: list[bytes]) -> bytes:
        data = bytearray(b"".join(tail))
        for _ in range(self._random.choice((1, 2, 8, 64))):
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)
        return bytes(data)

    def _bits_at_once(self, tail: list[bytes]) -> bytes:
        """In the very next bytes: the headers and the first names."""
        data = bytearray(b"".join(tail))
        for _ in range(self._random.choice((1, 2, 4))):
            data[self._random.randrange(min(40, len(data)))] = self._random.randrange(256)
        return bytes(data)

    def _cut(self, tail: list[bytes]) -> bytes:
        data = b"".join(tail)
        return data[: self._random.randrange(len(data))]

    def _noise(self, tail: list[bytes]) -> bytes:
        return self._random.randbytes(self._random.choice((1, 12, 34, 200, 4_000, 20_000)))

    def _inserted(self, tail: list[bytes]) -> bytes:
        return self._noise(tail) + b"".join(tail)

    def _message(self, tail: list[bytes]) -> bytes:
        """One of any type, with what one would expect in another."""
        return self._any() + b"".join(tail)

    def _messages(self, tail: list[bytes]) -> bytes:
        return b"".join(self._any() for _ in range(self._random.randrange(2, 30)))

    def _any(self) -> bytes:
        kind = self._random.choice((*range(1, 23), self._random.randrange(256)))
        body = self._random.choice(
            (self._noise([])[:300], amf.encode("onMetaData") + b"\0\x7f\xe1", b"", *self._values())
        )
        channel, at = self._random.randrange(2, 64), self._random.choice((0, 1, 0xFFFFFF, 0xFFFFFFFF))
        return chunks.encode(kind, body, channel=channel, at=at, stream=self._random.randrange(3))

    def _values(self) -> Iterator[bytes]:
        yield amf.encode("@setDataFrame", "onMetaData") + self._random.randbytes(9)
        yield amf.encode(self._random.choice(("connect", "publish", "play", "deleteStream", "seek")), 1.0, None, "x")
        yield b"\x17" + self._random.randbytes(60)
        yield b"\x11" + self._picture[: self._random.randrange(len(self._picture))]

    def _shuffled(self, tail: list[bytes]) -> bytes:
        self._random.shuffle(tail)
        return b"".join(tail)

    def _twice(self, tail: list[bytes]) -> bytes:
        return b"".join(part for part in tail for _ in range(self._random.randrange(3)))

    def _lengths(self, tail: list[bytes]) -> bytes:
        """The next message says another length or chunk size."""
        data = bytearray(b"".join(tail))
        data[4:7] = self._random.choice((b"\0\0\0", b"\0\0\1", b"\xff\xff\xff", b"\x10\0\0", b"\x10\0\1", b"\0\1\0"))
        return bytes(data)


MUTATIONS = (
    *("bits", "bits_at_once", "cut", "noise", "inserted", "message", "messages", "shuffled", "twice", "lengths"),
)
NAMES = ("handshake", "handshake", "connect", "connected", "connected", "connected", "publish", "after publish")
PUBLISHED = 7


class Watcher(threading.Thread):
    """Plays the steady stream; the longest that it waited for a picture."""

    def __init__(self, media: Media, name: str) -> None:
        super().__init__(daemon=True)
        self._media, self._name = media, name
        self.pictures, self.gap_s, self.failed = 0, 0.0, ""
        self.over = threading.Event()

    def run(self) -> None:
        try:
            asyncio.run(self._play())
        except (OSError, EOFError, TimeoutError) as error:
            self.failed = repr(error)

    async def _play(self) -> None:
        last = time.monotonic()
        async for _ in rtmp.play("127.0.0.1", self._media.rtmp, "live", self._name):
            now = time.monotonic()
            self.pictures, self.gap_s, last = self.pictures + 1, max(self.gap_s, now - last), now
            if self.over.is_set():
                return


def run(connections: int = CONNECTIONS) -> Mapping[str, object]:
    """What came of each kind, and the memory of gate and nginx. Raises Refusal when anything else was hurt."""
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        authority = make_authority(folder / "authority")
        hook = opened.enter_context(contextlib.closing(KeyHook()))
        media = Media(folder / "media", authority, hook)
        opened.callback(media.stop)
        media.start()
        line = opened.enter_context(Line(media.port, authority / "ca.pem", timeout=60)).publish("steady?key=steady")
        opened.enter_context(film(line, jpeg(320, 240)))
        watcher = Watcher(media, hook.name)
        watcher.start()
        facts = _attack(media, authority, connections)
        watcher.over.set()
        watcher.join(20)
        return _judge(media, watcher, facts)


def _attack(media: Media, authority: Path, connections: int) -> dict[str, object]:
    assert media.gate
    worker, gate = media.worker(), media.gate.pid
    before = {"gate_mb": rss_mb(gate), "worker_mb": rss_mb(worker)}
    used, begun = (cpu_s(gate), cpu_s(worker)), time.monotonic()
    done: Counter[str] = Counter()
    most = asyncio.run(_connect_all(media, authority, connections, done))
    took = time.monotonic() - begun
    if sum(done.values()) != connections or (media.worker(), media.gate.poll()) != (worker, None):
        raise Refusal(
            f"{sum(done.values())} connections; worker {worker}, now {media.worker()}; gate {media.gate.poll()}"
        )
    cpu = {"gate_ms": 1000 * (cpu_s(gate) - used[0]), "worker_ms": 1000 * (cpu_s(worker) - used[1])}
    return {
        "connections": connections,
        "seconds": round(took),
        "kinds": len(done),
        "with_key": sum(count for kind, count in done.items() if kind.startswith("with a key")),
        "before_mb": before,
        "most_mb": most,
        "cpu_ms_each": {name: round(ms / connections, 2) for name, ms in cpu.items()},
    }


async def _connect_all(media: Media, authority: Path, connections: int, done: Counter[str]) -> dict[str, float]:
    """All of them, some side by side; the most memory seen."""
    assert media.gate
    context, fuzzer = ssl.create_default_context(cafile=str(authority / "ca.pem")), Fuzzer(SEED)
    most = {"gate_mb": 0.0, "worker_mb": 0.0}
    left = iter(range(connections))

    async def work() -> None:
        for number in left:
            kind, data = fuzzer.session()
            await _connect(media.port, context, data)
            done[kind] += 1
            if number % 10_000 == 0:
                now = {"gate_mb": rss_mb(media.gate.pid), "worker_mb": rss_mb(media.worker())}  # type: ignore[union-attr]
                most.update({name: max(most[name], mb) for name, mb in now.items()})
                print(f"rtmp_fuzz: {number} of {connections}, {now}", flush=True)

    await asyncio.gather(*(work() for _ in range(SIDE_BY_SIDE)))
    return most


async def _connect(port: int, context: ssl.SSLContext, data: bytes) -> None:
    """One publisher. It is refused again when all places of its address are taken, so it tries until it is in."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        with contextlib.suppress(OSError, TimeoutError):
            writer.write(data)
            await writer.drain()
            async with asyncio.timeout(ANSWER_S):
                while await reader.read(65_536):
                    pass
        writer.transport.abort()
        return


def _judge(media: Media, watcher: Watcher, facts: dict[str, object]) -> Mapping[str, object]:
    log = (media.folder / "gate.log").read_text()
    if "Traceback" in log:
        raise Refusal(f"The gate failed: {log[log.index('Traceback') :][:3000]}")
    if re.search(r"worker process \d+ exited on signal", (media.folder / "nginx.log").read_text()):
        raise Refusal("A worker of nginx ended.")
    if watcher.failed or watcher.gap_s > GAP_MOST_S:
        raise Refusal(f"The stream beside them stood for {watcher.gap_s:.1f} s. {watcher.failed}")
    before, most = facts["before_mb"], facts["most_mb"]
    assert isinstance(before, dict)
    assert isinstance(most, dict)
    if any(most[name] - before[name] > GROWTH_MOST_MB for name in before):
        raise Refusal(f"Memory grew: {before} to {most} MB.")
    return {**facts, "pictures": watcher.pictures, "longest_gap_s": round(watcher.gap_s, 2)}
