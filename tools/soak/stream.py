"""Five minutes of one collar's camera, with treats and telemetry: free, through a thin line, after a stall."""

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from firmware.tests.broker import Server, wait_until
from firmware.tests.media import Hook, Media, play, start_command, streams
from ops.errors import Refusal
from tools.benchmarks.report import percentile
from tools.soak.collar import one_collar

FREE_S, THIN_S, AFTER_S = 150, 90, 60
THIN_BYTES_S = 300_000 // 8
STALL_S = 3.0
TREAT_EVERY_S = 5
TREAT_P95_MS, FRESH_MS, THIN_LATE_MS = 300, 500, 3_000
FPS_PROMISED = 5
PROBED = 20
AT_END = 20  # pictures
READABLE_MS = 60_000
CHUNK = 1_024
BUFFER = 5_760  # what an ESP32-S3 sends without an acknowledgement


class Line:
    """A TCP line to a port whose upward rate can be bounded, and stalled."""

    def __init__(self, target: int) -> None:
        self.bytes_s: int | None = None
        self.stalled_until = 0.0
        self._target = target
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                for pump in ((self._up, near, far), (self._down, far, near)):
                    threading.Thread(target=self._carry, args=pump, daemon=True).start()

    def _carry(self, pump: Any, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            pump(source, sink)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _up(self, source: socket.socket, sink: socket.socket) -> None:
        while data := source.recv(CHUNK):
            time.sleep(max(self.stalled_until - time.monotonic(), 0))
            if self.bytes_s:
                time.sleep(len(data) / self.bytes_s)
            sink.sendall(data)

    def _down(self, source: socket.socket, sink: socket.socket) -> None:
        while data := source.recv(CHUNK):
            sink.sendall(data)

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()


class Owner(threading.Thread):
    """Prolongs the lease and asks for a treat every few seconds; `took_ms` is how long each took to be dispensed."""

    def __init__(self, server: Server, told: dict[str, object]) -> None:
        super().__init__(daemon=True)
        self._server, self._told = server, told
        self.took_ms: list[float] = []
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(TREAT_EVERY_S):
            self._server.command("stream", self._told)
            begun = time.monotonic()
            treat = self._server.treat()
            wait_until(partial(self._is_dispensed, treat), "a treat")
            self.took_ms.append((time.monotonic() - begun) * 1000)

    def _is_dispensed(self, treat: str) -> bool:
        return "dispensed" in self._server.results(treat)


def run() -> Mapping[str, object]:
    """Milliseconds from lens to reader, pictures a second and treats, in each phase. Raises Refusal."""
    with one_collar(interval_s=1) as bench, contextlib.ExitStack() as opened:
        hook = opened.enter_context(contextlib.closing(Hook()))
        media = Media(bench.folder / "media", bench.authority, hook)
        opened.callback(media.stop)
        media.start()
        line = opened.enter_context(contextlib.closing(Line(media.port)))
        bench.collar.start()
        wait_until(bench.server.presences)
        with _asked(bench.server, start_command(media, bench.collar, port=line.port)) as owner:
            facts = _phases(media, hook.name, line)
        return {**facts, **_unharmed(bench.server, owner)}


@contextlib.contextmanager
def _asked(server: Server, told: dict[str, object]) -> Iterator[Owner]:
    server.command("stream", told)
    wait_until(lambda: streams(server), "streaming")
    owner = Owner(server, told)
    owner.start()
    yield owner
    owner.done.set()
    owner.join(30)


def _phases(media: Media, name: str, line: Line) -> dict[str, object]:
    kind = _probe(media, name)
    free = _watch(media, name, FREE_S)
    line.bytes_s = THIN_BYTES_S
    thin = _watch(media, name, THIN_S)
    line.bytes_s = None
    line.stalled_until = time.monotonic() + STALL_S
    after = _watch(media, name, AFTER_S)
    late = {"free": FRESH_MS, "thin": THIN_LATE_MS, "after": FRESH_MS}
    found = {"free": free, "thin": thin, "after": after}
    for phase, facts in found.items():
        slow = phase != "thin" and facts["fps"] < FPS_PROMISED
        if slow or facts["late_p50_ms"] > late[phase] or facts["late_at_end_ms"] > late[phase]:
            raise Refusal(f"{phase}: {facts}")
    return {"stream": kind, **found}


def _probe(media: Media, name: str) -> dict[str, object]:
    """What ffprobe reads from the stream's own JPEG frames; ffmpeg takes them out of FLV, where it must be told."""
    url, file = f"rtmp://127.0.0.1:{media.rtmp}/live/{name}", str(media.folder / "probed.mjpeg")
    take = ["-f", "live_flv", "-c:v", "mjpeg", "-rw_timeout", "5000000", "-i", url, "-frames:v", str(PROBED)]
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *take, "-c", "copy", "-f", "mjpeg", file], check=True)
    wanted = ["-show_entries", "frame=width,height,pict_type", "-of", "json"]
    done = subprocess.run(["ffprobe", "-v", "error", *wanted, file], capture_output=True, text=True, check=True)
    frames = [(frame["width"], frame["height"], frame["pict_type"]) for frame in json.loads(done.stdout)["frames"]]
    if frames != [(640, 480, "I")] * PROBED:
        raise Refusal(f"ffprobe reads {frames[:3]}, {len(frames)} of them.")
    return {"frames": len(frames), "width": 640, "height": 480}


def _watch(media: Media, name: str, seconds: float) -> dict[str, float]:
    seen = play(media, name, seconds)
    # A picture that is just changing its size may show no moment, or a wrong one.
    late = [arrived - moment for arrived, moment in seen if moment and abs(arrived - moment) < READABLE_MS]
    if not late:
        raise Refusal("No picture arrived.")
    span = (seen[-1][0] - seen[0][0]) / 1000
    return {
        "fps": round(len(seen) / span, 1),
        "late_p50_ms": round(percentile(late, 0.5)),
        "late_p95_ms": round(percentile(late, 0.95)),
        "late_at_end_ms": round(percentile(late[-AT_END:], 0.5)),
        "unreadable": len(seen) - len(late),
    }


def _unharmed(server: Server, owner: Owner) -> dict[str, object]:
    """Treats were quick, and of the samples none is missing."""
    p95 = percentile(owner.took_ms, 0.95)
    seqs = sorted({sample["seq"] for batch in server.batches() for sample in batch["samples"]})
    if p95 > TREAT_P95_MS or seqs != list(range(seqs[0], seqs[-1] + 1)):
        raise Refusal(f"Treats p95 {p95:.0f} ms; {len(seqs)} samples up to {seqs[-1]}.")
    return {"treats": len(owner.took_ms), "treat_p95_ms": round(p95), "samples": len(seqs)}
