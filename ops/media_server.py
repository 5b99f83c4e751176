"""The configuration of the media server: nginx/rtmp.conf, filled for ./dev, a container, or one that a test runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops import upstreams
from ops.paths import ROOT
from ops.render import render, write_private

NGINX_MODULES = "/usr/lib/nginx/modules"  # Debian's
SYSTEM_PYTHON = "/usr/bin/python3"


@dataclass(frozen=True)
class MediaServer:
    """Where it listens, what it shows, and whom it asks about a camera that wants in.

    `rtmps_listen` is nginx's directives for collars. The ports are within the machine: for readers of the stream, and
    for its control. `sockets` is a folder that only we may enter, where it and the gate find each other. The gate's
    questions go to `hooks` (a name to where it listens) with `secret`.
    """

    rtmps_listen: str
    sockets: Path
    rtmp_port: int
    http_port: int
    certificate: Path
    hooks: Mapping[str, str]
    secret: str
    internal: str = "127.0.0.1"

    def write(self, var: Path) -> Path:
        """Fill rtmp/rtmp.conf below `var`, readable by its owner only; segments go to hls/. Returns where it is."""
        names = {
            "var": str(var),
            "hls": str(var / "hls"),
            "pages": str(ROOT / "nginx"),
            "modules": NGINX_MODULES,
            "system_python": SYSTEM_PYTHON,
            "nginx_user": nginx_user(),
            "internal": self.internal,
            "certificate": str(self.certificate),
            "rtmps_listen": self.rtmps_listen,
            "sockets": str(self.sockets),
            "rtmp_port": str(self.rtmp_port),
            "http_port": str(self.http_port),
            "hook_servers": upstreams.members(self.hooks),
            "hook_secret": self.secret,
        }
        return write_private(var / "rtmp" / "rtmp.conf", render(ROOT / "nginx" / "rtmp.conf", names))


def gate_command(sockets: Path, rtmp_port: int) -> list[str]:
    """What runs the gate; it needs the project's root as PYTHONPATH."""
    return [SYSTEM_PYTHON, "-m", "gate", str(sockets), str(rtmp_port)]


def forget_socket(sockets: Path) -> None:
    """Remove what an nginx that was killed left: the next one could not listen there."""
    (sockets / "hook.sock").unlink(missing_ok=True)


def nginx_user() -> str:
    """nginx's workers stay who we are: as root it would make them somebody who cannot read our files."""
    return "user root;" if os.geteuid() == 0 else ""
