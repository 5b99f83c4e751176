"""video: the collar's camera in Chromium, from lens to page; the peer is nginx-rtmp's own HLS with its defaults."""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings
from playwright.sync_api import Browser, Page, sync_playwright

from ops.media_server import NGINX_MODULES, nginx_user
from ops.ports import listens, reserve
from streaming.models import StreamSession
from tools.benchmarks.report import percentile, report
from tools.browser import ages, launch, sign_in, wait_live
from tools.testing import wait_for

WATCHED_S, FAST_S = 120, 20
STALL_S = 1.0  # a picture that stands so long is a stall
PEER = """
load_module {modules}/ngx_rtmp_module.so;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
rtmp {{
    server {{
        listen 127.0.0.1:{rtmp};
        application peer {{ live on; hls on; hls_path {folder}/hls; }}
    }}
}}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{http}; root {folder}/hls; }}
}}
"""
PEER_PAGE = """<!doctype html><video muted></video><script type="module">
import Hls from "./hls.js";
const hls = new Hls();
hls.loadSource("./stream.m3u8");
hls.attachMedia(document.querySelector("video"));
document.querySelector("video").play();
</script>"""


def run() -> None:
    """First pictures, age and stalls of both."""
    demo = json.loads((settings.VAR_DIR / "demo.json").read_text())
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        page = sign_in(browser, demo)
        cold = _begin(page, demo["device"])
        with _peer(demo["device"]) as address:
            ours = ages(page, "#player video", WATCHED_S)
            theirs = _peer_ages(browser, address)
        warm = _begin(page, demo["device"])
        page.get_by_role("button", name="Fast view").click()
        wait_live(page, '[data-fast="on"]')
        fast = ages(page, "#player img", FAST_S)
        browser.close()
    late, peer = percentile(ours, 0.5), percentile(theirs, 0.5)
    more = {"p95_s": percentile(ours, 0.95), "stalls": _stalls(ours), "fast_p50_s": percentile(fast, 0.5)}
    report("video", late / peer, (late, "s p50"), (peer, "s p50"), cold_s=cold, warm_s=warm, **more)


def _begin(page: Page, device: str) -> float:
    """Open the collar's page and start; seconds from the press to the first picture."""
    page.goto(f"/collar/{device}/")
    page.wait_for_load_state("networkidle")
    began = time.monotonic()
    page.get_by_role("button", name="Start live view").click()
    wait_live(page)
    return time.monotonic() - began


def _stalls(found: list[float]) -> int:
    """How often the picture stood: its age is over the usual by that much, and was not before."""
    usual = percentile(found, 0.5) + STALL_S
    return sum(1 for before, age in itertools.pairwise(found) if before <= usual < age)


@contextlib.contextmanager
def _peer(device: str) -> Iterator[str]:
    """The same camera through an nginx-rtmp that makes HLS by itself; a key frame each 5 s, as its fragments want."""
    stream = StreamSession.objects.exclude(state="ended").get(device_id=UUID(device))
    source = f"rtmp://127.0.0.1:{os.environ['HETRI_RTMP_PORT']}/live/{stream.publish_name}"
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as opened:
        folder, rtmp, http = Path(name), reserve(), reserve()
        folder.chmod(0o755)
        (folder / "hls").mkdir()
        shutil.copy(settings.BASE_DIR / "pages/static/vendor/hls/hls.light.min.mjs", folder / "hls" / "hls.js")
        (folder / "hls" / "peer.html").write_text(PEER_PAGE)
        config = PEER.format(folder=folder, rtmp=rtmp, http=http, modules=NGINX_MODULES, user=nginx_user())
        (folder / "nginx.conf").write_text(config)
        opened.enter_context(_process("nginx", "-e", "stderr", "-c", f"{folder}/nginx.conf", "-g", "daemon off;"))
        wait_for(lambda: listens(rtmp))
        look = ("-fflags", "nobuffer", "-probesize", "32", "-analyzeduration", "0", "-f", "live_flv", "-c:v", "mjpeg")
        make = ("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-r", "10")
        to = ("-g", "50", "-an", "-f", "flv", f"rtmp://127.0.0.1:{rtmp}/peer/stream")
        opened.enter_context(_process("ffmpeg", "-nostdin", "-v", "error", *look, "-i", source, *make, *to))
        wait_for((folder / "hls" / "stream.m3u8").exists, 60)
        yield f"http://127.0.0.1:{http}/peer.html"


@contextlib.contextmanager
def _process(*command: str) -> Iterator[None]:
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


def _peer_ages(browser: Browser, address: str) -> list[float]:
    page = browser.new_context().new_page()
    page.goto(address)
    wait_for(lambda: page.evaluate("document.querySelector('video').currentTime > 0"), 60)
    page.wait_for_timeout(5_000)
    found = ages(page, "video", FAST_S)
    page.close()
    return found
