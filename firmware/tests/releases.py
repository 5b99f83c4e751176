"""A collar with a whole flash, loader and slots included, and a server that holds releases for it."""

import http.server
import shutil
import ssl
import threading
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from firmware.packing import BOARD, Pack, pack, unpack
from firmware.release_keys import modulus
from firmware.simulation import COLLAR, script_command
from firmware.tests.broker import Broker
from firmware.tests.collar import Collar


class FlashedCollar(Collar):
    """Runs version 1.0.0 from slot a, through the loader, as a board does."""

    def __init__(self, folder: Path, broker: Broker, authority: Path, key: rsa.RSAPrivateKey, **options: Any) -> None:
        super().__init__(folder, broker, authority, {"release_keys": [modulus(key.public_key())]}, **options)
        unpack(pack(version="1.0.0", board=BOARD, key=key), self.root / "a")

    def _lay_out(self, place: Path) -> Path:
        self.root = place
        return place / "data"

    def _command(self, heap: str | None) -> list[str]:
        return script_command("sim/flashed.py", self.root, heap=heap or "1M")


def program_with(folder: Path, changes: dict[str, str]) -> Path:
    """A copy of the program in which some files hold something else."""
    for name in ("app", "board"):
        shutil.copytree(COLLAR / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in changes.items():
        (folder / name).write_text(text)
    return folder


class Shelf:
    """Releases over HTTPS, with ranges. `breaks` connections end in the midst of a piece before all goes well."""

    def __init__(self, authority: Path) -> None:
        self.parts: dict[str, bytes] = {}
        self.breaks = 0
        self.asked: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.asked.append(self.path)
                body = outer.parts.get(self.path)
                first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
                piece = (body or b"")[first : last + 1]
                self.send_response(404 if body is None else 206 if piece else 416)
                self.send_header("Content-Length", str(len(piece)))
                self.end_headers()
                if outer.breaks and self.path.endswith("/program"):
                    outer.breaks -= 1
                    piece, self.close_connection = piece[: len(piece) // 2], True
                self.wfile.write(piece)

            def log_message(self, *arguments: object) -> None:
                """Silence."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority / "server.pem", authority / "server.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def put(self, packed: Pack, path: str = "/release") -> None:
        """Offer a release there."""
        self.parts[f"{path}/manifest"] = packed.manifest
        self.parts[f"{path}/signature"] = packed.signature
        self.parts[f"{path}/program"] = packed.program

    def offer(self, job: str, version: str, path: str = "/release") -> dict[str, Any]:
        """The command that has a collar install it."""
        where = {"host": "localhost", "port": self.port, "path": path}
        return {"v": 1, "job": job, "action": "install", "version": version, **where}

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
