"""The real media server (TLS, gate, RTMP, transcoder) beside a hook that answers as the test says."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from firmware.tests.broker import Server, free_port, wait_until
from firmware.tests.collar import Collar
from ops.media_server import MediaServer, forget_socket, gate_command
from ops.paths import ROOT
from ops.ports import listens
from ops.processes import ends_with_us
from tools.frame_clock import moment_of


class Hook:
    """What nginx asks: who may publish. `answer` is the status, `name` the stream's new one."""

    def __init__(self) -> None:
        self.begin_anew()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.asked.append((self.path.rsplit("/", 1)[1], parse_qs(body)))
                done = self.path.endswith("publish_done")
                status, name = (200, "") if done else outer.decide(body)
                self.send_response(status)
                if not done:
                    self.send_header("Location", name)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def decide(self, body: str) -> tuple[int, str]:
        """(status, name) for who wants to publish."""
        return self.answer, self.name

    def begin_anew(self) -> None:
        """Consent, another name, and nothing asked yet."""
        self.answer, self.name = 302, f"{uuid.uuid4().hex}-{uuid.uuid4().hex}"
        self.asked: list[tuple[str, dict[str, list[str]]]] = []

    def calls(self, name: str) -> list[dict[str, list[str]]]:
        """The fields of each call of that name so far."""
        return [fields for called, fields in list(self.asked) if called == name]

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


class Media:
    """The nginx of nginx/rtmp.conf on free ports, and the gate."""

    def __init__(self, folder: Path, authority: Path, hook: Hook) -> None:
        self.folder, self.port, self.rtmp, self.http = folder, *(free_port() for _ in range(3))
        self.hls = folder / "hls"
        self.sockets = Path(tempfile.mkdtemp(prefix="hetri-media-"))  # short enough for a socket's path
        for name in ("rtmp", "hls"):
            (folder / name).mkdir(parents=True)
        shutil.copytree(authority, folder / "tls")
        both = "".join((authority / name).read_text() for name in ("server.pem", "server.key"))
        (folder / "tls" / "served.pem").write_text(both)
        MediaServer(
            rtmps_listen=f"listen 127.0.0.1:{self.port} ssl;",
            sockets=self.sockets,
            rtmp_port=self.rtmp,
            http_port=self.http,
            certificate=folder / "tls" / "served.pem",
            hooks={"hook": f"127.0.0.1:{hook.port}"},
            secret="test",
        ).write(folder)
        self.process: subprocess.Popen[bytes] | None = None
        self.gate: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start both, and wait until they listen."""
        forget_socket(self.sockets)
        command = ["nginx", "-p", str(self.folder / "rtmp"), "-e", "stderr", "-g", "daemon off;"]
        self.process = self._spawn("nginx", [*command, "-c", str(self.folder / "rtmp" / "rtmp.conf")])
        self.start_gate()
        wait_until(lambda: listens(self.port) and listens(self.rtmp), "nginx")

    def start_gate(self) -> None:
        """Start the gate alone."""
        (self.sockets / "gate.sock").unlink(missing_ok=True)
        self.gate = self._spawn("gate", gate_command(self.sockets, self.rtmp))
        wait_until((self.sockets / "gate.sock").exists, "the gate")

    def _spawn(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        path = f"/usr/sbin:/usr/bin:/bin:{os.environ['PATH']}"
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=ends_with_us(),  # noqa: PLW1509 - it only calls prctl
            )

    def worker(self) -> int:
        """The process id of nginx's worker, in which the RTMP module runs."""
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return next(int(pid) for pid in children if "worker" in Path(f"/proc/{pid}/cmdline").read_text())

    def kill(self) -> None:
        """End it as a crash would, its workers too."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)

    def pids(self, program: str) -> list[int]:
        """The processes that serve this media server's streams and have that word in their command line."""
        found = []
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = line.read_bytes()
                if program.encode() in words and str(self.hls).encode() in words:
                    found.append(int(line.parent.name))
        return found

    def stop(self) -> None:
        """End both in order."""
        for process in (self.gate, self.process):
            if process:
                process.terminate()
                process.wait(10)
        shutil.rmtree(self.sockets, ignore_errors=True)
        for log in self.folder.glob("*.log"):
            print(log.read_text())  # shown when the test has failed


def play(media: Media, name: str, seconds: float) -> list[tuple[float, int | None]]:
    """When each picture (a smaller one enlarged to 640 x 480) of that many seconds of a stream arrived, and the moment it shows; both in ms."""
    url = f"rtmp://127.0.0.1:{media.rtmp}/live/{name}"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-fflags", "nobuffer", "-probesize", "32", "-analyzeduration", "0"]
    command += ["-rw_timeout", "5000000", "-f", "live_flv", "-c:v", "mjpeg", "-i", url, "-t", str(seconds)]
    command += [
        "-fps_mode",
        "passthrough",
        "-vf",
        "scale=640:480:flags=neighbor",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "gray",
        "-",
    ]
    seen = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as player:
        assert player.stdout
        while len(picture := player.stdout.read(640 * 480)) == 640 * 480:
            seen.append((time.time() * 1000, moment_of(picture, 640, 480)))
    return seen


def make_film(folder: Path, pictures: int) -> Path:
    """A folder for a collar's `film`: motion and noise, as hard to encode as a garden, about 27 KB a picture."""
    folder.mkdir()
    source = "testsrc2=size=640x480:rate=10,noise=alls=8:allf=t"
    make = ["-f", "lavfi", "-i", source, "-frames:v", str(pictures), "-c:v", "mjpeg", "-q:v", "6"]
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *make, str(folder / "%d.jpg")], check=True)
    return folder


def pixels(*source: str) -> bytes:
    """The grey values of a source's frames, row by row, as ffmpeg decodes it."""
    command = ["ffmpeg", "-nostdin", "-v", "error", *source, "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def start_command(media: Media, collar: Collar, **more: Any) -> dict[str, Any]:
    """The command that makes a collar publish there."""
    told = {"v": 1, "id": str(uuid.uuid4()), "action": "start", "host": "localhost", "port": media.port}
    told |= {"app": "collar", "name": collar.id, "key": "k" * 32, "lease_s": 30, "width": 640, "height": 480, "fps": 10}
    return told | more


def streams(server: Server) -> bool:
    """Does the collar say that it streams?"""
    said = server.presences()
    return bool(said and said[-1]["streaming"])
