"""The collar's camera in front of its owner: real collar, media server, transcoder, token check and relay."""

import hashlib
import hmac
import http.client
import json
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.sync.client import connect

from hetri.testing import Collar, wait_for
from tests.conftest import Flash, Stack

Maker = Callable[..., Flash]
VIEWING = "SELECT first_seen, last_seen, ended_at FROM streaming_viewing WHERE id = %s"
STREAM = "SELECT state, reason FROM streaming_streamsession WHERE id = %s"


@dataclass
class Watch:
    """One stream that an owner asked for."""

    stack: Stack
    owner: httpx.Client
    device: str
    url: str

    @property
    def stream(self) -> str:
        return self.url.split("/")[-3]

    @property
    def token(self) -> str:
        return self.url.split("/")[-2]

    @property
    def viewing(self) -> str:
        return self.token.split(".")[1]

    def path(self, token: str, file: str = "index.m3u8", stream: str | None = None) -> str:
        return f"/v/{stream or self.stream}/{token}/{file}"

    def get(self, path: str | None = None) -> int:
        """The status of a request without any login, with the path as it is."""
        where = urlsplit(self.url)
        context = ssl.create_default_context(cafile=str(self.stack.instance.var / "tls" / "ca.pem"))
        line = http.client.HTTPSConnection(where.hostname or "", where.port, timeout=15, context=context)
        try:
            line.request("GET", path or where.path)
            return line.getresponse().status
        finally:
            line.close()

    def anonymous(self) -> httpx.Client:
        context = ssl.create_default_context(cafile=str(self.stack.instance.var / "tls" / "ca.pem"))
        return httpx.Client(base_url=self.stack.demo["url"], verify=context, timeout=15)

    def sign(self, stream: str, viewing: str, expires: int) -> str:
        """A token as Hetri would make it."""
        key = self.stack.instance.env["HETRI_VIDEO_KEY"].encode()
        mac = hmac.new(key, f"{stream}|{viewing}|{expires}".encode(), hashlib.sha256).hexdigest()
        return f"{expires}.{viewing}.{mac}"

    def state(self) -> tuple[str, str]:
        return self.stack.rows(STREAM, self.stream)[0]

    def streaming(self) -> bool:
        """Whether the collar says that its camera is on."""
        return bool(self.owner.get(f"/devices/{self.device}/status").json()["streaming"])


@pytest.fixture
def watch(stack: Stack, new_collar: Maker) -> Iterator[Watch]:
    """A stream that is live, of a collar of its own."""
    flash = new_collar(interval_s=60)
    with stack.client() as owner:
        answer = owner.get(f"/devices/{flash.id}/video_url")
        assert answer.status_code == 200, answer.text
        watched = Watch(stack, owner, flash.id, answer.json()["url"])
        wait_for(lambda: watched.get() == 200, 12)
        yield watched


def test_ffprobe_and_ffmpeg_play_the_given_url(watch: Watch) -> None:
    ca = str(watch.stack.instance.var / "tls" / "ca.pem")
    play = ["-v", "error", "-ca_file", ca, "-tls_verify", "1", "-i", watch.url]
    probe = ["ffprobe", *play, "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"]
    seen = subprocess.run(probe, capture_output=True, text=True, timeout=30, check=False)
    assert seen.stdout.split()[0] == "h264,640,480", seen.stderr
    decoded = subprocess.run(
        ["ffmpeg", *play, "-t", "2", "-f", "null", "-"], capture_output=True, timeout=40, check=False
    )
    assert (decoded.returncode, decoded.stderr) == (0, b"")


def test_only_its_own_fresh_token_opens_a_stream(watch: Watch) -> None:
    expires, viewing, mac = watch.token.split(".")
    later = int(time.time()) + 100
    changed = f"{expires}.{viewing}.{'0' if mac[0] != '0' else '1'}{mac[1:]}"
    strange = "019ab3f4-0000-7000-8000-000000000000"
    refused = [
        f"/v/{watch.stream}/index.m3u8",
        f"/v/{watch.stream}/",
        f"/v/{watch.stream}",
        "/v/",
        watch.path(changed),
        watch.path(f"{later}.{viewing}.{mac}"),
        watch.path(watch.token.upper()),
        watch.path(watch.token, stream=strange),
        watch.path(watch.sign(watch.stream, viewing, int(time.time()) - 1)),
        watch.path(watch.sign(watch.stream, "0" * 32, later)),
        watch.path(watch.token, "../../../../secrets.env"),
        watch.path(watch.token, "..%2f..%2fvideo%2fviewings.log"),
        watch.path(watch.token, "%2e%2e/%2e%2e/secrets.env"),
        watch.path(watch.token, "index.m3u8/x"),
        watch.path(watch.token, ""),
        watch.path(watch.token, "poster.jpg"),
        watch.path("x", f"index.m3u8?token={watch.token}"),
        f"/v/{watch.stream}/?{watch.token}/index.m3u8",
    ]
    assert {path: watch.get(path) for path in refused} == dict.fromkeys(refused, 403)
    assert watch.get(watch.path(watch.sign(watch.stream, viewing, later))) == 200


def test_a_new_token_goes_on_with_the_same_stream(watch: Watch) -> None:
    fresh = watch.owner.get(f"/devices/{watch.device}/video_token").json()
    with watch.anonymous() as player:
        segment = player.get(watch.url).text.split()[-1]
        assert player.get(watch.path(fresh["token"], segment)).status_code == 200
        assert segment in player.get(watch.path(fresh["token"])).text
    assert fresh["stream"] == watch.stream


@pytest.mark.parametrize("how", ["logout_all", "handover", "camera_off", "retire"])
def test_a_lost_right_closes_the_stream_within_5_s(stack: Stack, watch: Watch, how: str) -> None:
    path, password = f"/devices/{watch.device}", stack.demo["owner"]["password"]
    began = time.monotonic()
    match how:
        case "logout_all":
            assert watch.owner.post("/auth/logout_all").status_code == 204
        case "handover":
            assert watch.owner.post(f"{path}/handover", json={"password": password}).status_code == 200
        case "camera_off":
            assert watch.owner.patch(path, json={"config": {"camera": "off"}}).status_code == 200
        case "retire":
            assert watch.owner.delete(path).status_code == 204
    wait_for(lambda: watch.get() == 403, 5)
    if how != "logout_all":
        wait_for(lambda: watch.state()[0] == "ended", 5)
        wait_for(lambda: not (stack.instance.var / "hls" / watch.stream).exists(), 5)
    assert time.monotonic() - began < 5


def test_the_fast_view_hands_pictures_on(watch: Watch) -> None:
    with watch.anonymous() as player, player.stream("GET", watch.path(watch.token, "live.mjpeg")) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "multipart/x-mixed-replace; boundary=picture"
        body = b""
        for piece in answer.iter_raw():
            body += piece
            if body.count(b"--picture") > 5:
                break
    sizes = [int(size) for size in re.findall(rb"Content-Length: (\d+)", body)]
    first = body.split(b"\r\n\r\n", 1)[1][: sizes[0]]
    assert (first[:2], first[-2:]) == (b"\xff\xd8", b"\xff\xd9")


def test_the_fast_view_is_cut_when_the_right_is_lost(watch: Watch) -> None:
    with watch.anonymous() as player, player.stream("GET", watch.path(watch.token, "live.mjpeg")) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        watch.owner.post("/auth/logout_all")
        began = time.monotonic()
        for _ in pieces:
            assert time.monotonic() - began < 5
    assert watch.get(watch.path(watch.token, "live.mjpeg")) == 403


def test_after_the_last_viewer_the_camera_is_off_and_the_ledger_right(watch: Watch) -> None:
    wait_for(watch.streaming)
    for _ in range(3):
        assert watch.get() == 200
        wait_for(lambda: watch.stack.rows(VIEWING, watch.viewing)[0][1])
    left = time.time()
    wait_for(lambda: watch.stack.rows(VIEWING, watch.viewing)[0][2], 8)
    wait_for(lambda: not watch.streaming(), 20 - (time.time() - left))
    assert time.time() - left >= 13
    assert watch.state() == ("ended", "unwatched")
    first, last, _ = watch.stack.rows(VIEWING, watch.viewing)[0]
    assert abs(last.timestamp() - left) < 1
    row = watch.owner.get(f"/devices/{watch.device}/viewings").json()["results"][0]
    assert (row["viewer"]["name"], row["source"], row["support"]) == ("Alex", "api", False)
    assert row["from"].startswith(first.isoformat(timespec="seconds")[:19])
    assert row["until"] is not None


def test_no_log_holds_a_token(watch: Watch) -> None:
    for path in (watch.url, watch.path(watch.token, "9.ts"), watch.path(watch.token, "x"), f"//v/x/{watch.token}/%zz"):
        with watch.anonymous() as player:
            player.get(path)
    log = watch.stack.instance.var / "log"
    wait_for(lambda: f"/v/{watch.stream}/***/index.m3u8" in (log / "access.log").read_text())
    mac = watch.token.split(".")[2]
    assert [path.name for path in log.iterdir() if mac in path.read_text(errors="replace")] == []


@pytest.mark.parametrize("victim", ["rtmp", "relay", "web", "redis", "nginx"])
def test_the_picture_comes_back_whatever_is_killed(watch: Watch, victim: str) -> None:
    last = newest_segment(watch)
    killed = watch.stack.instance.pid(victim)
    watch.stack.instance.kill(victim)
    wait_for(lambda: watch.stack.instance.pid(victim) not in (None, killed), 10)
    wait_for(lambda: newest_segment(watch) > last + 2, 15)
    assert watch.state()[0] == "live"


def newest_segment(watch: Watch) -> int:
    """The number of the playlist's last segment; 0 while there is none."""
    try:
        with watch.anonymous() as player:
            found = re.findall(r"^(\d+)\.ts$", player.get(watch.url).text, re.M)
    except httpx.HTTPError:
        return 0
    return int(found[-1]) if found else 0


def test_a_collar_that_shows_no_picture_is_an_honest_end(stack: Stack, new_collar: Maker) -> None:
    flash = new_collar(interval_s=60)
    with stack.client() as owner:
        assert flash.process is not None
        flash.process.send_signal(signal.SIGSTOP)
        answer = owner.get(f"/devices/{flash.id}/video_url")
        stream = answer.json()["url"].split("/")[-3]
        wait_for(lambda: stack.rows(STREAM, stream) == [("ended", "no_picture")], 15)


def test_an_encoder_with_a_key_plays_too(stack: Stack) -> None:
    with stack.client() as owner:
        encoder = Encoder(stack, owner)
        try:
            answer = owner.get(f"/devices/{encoder.id}/video_url")
            watched = Watch(stack, owner, encoder.id, answer.json()["url"])
            encoder.publish()
            wait_for(lambda: watched.get() == 200, 12)
            assert watched.get(watched.path(watched.token, "live.mjpeg")) == 404
        finally:
            encoder.close()


class Encoder:
    """Somebody's own camera: speaks MQTT by itself, and has ffmpeg publish H.264."""

    def __init__(self, stack: Stack, owner: httpx.Client) -> None:
        device = owner.post("/devices", json={"name": "Encoder"}).json()
        self.id, self._stack = device["id"], stack
        self._collar = Collar(device["mqtt"], ca=stack.instance.var / "tls" / "ca.pem").start()
        self._process: subprocess.Popen[bytes] | None = None
        wait_for(lambda: owner.get(f"/devices/{self.id}/status").json()["status"] == "online")

    def publish(self) -> None:
        order: dict[str, Any] = wait_for(lambda: self._collar.received("stream"))[0]
        url = f"rtmps://{order['host']}:{order['port']}/{order['app']}/{order['name']}?key={order['key']}"
        source = ["-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10"]
        codec = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-f", "flv", url]
        self._process = subprocess.Popen(["ffmpeg", "-nostdin", "-v", "error", *source, *codec])

    def close(self) -> None:
        self._collar.stop()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)


def test_a_socket_tells_each_state_of_a_stream(stack: Stack, new_collar: Maker) -> None:
    flash = new_collar(interval_s=60)
    with stack.client() as owner:
        url = stack.demo["url"].replace("https", "wss") + f"/ws/devices/{flash.id}"
        context = ssl.create_default_context(cafile=str(stack.instance.var / "tls" / "ca.pem"))
        bearer: Any = ["bearer", owner.headers["Authorization"].split()[1]]
        with connect(url, subprotocols=bearer, ssl=context) as socket:
            owner.get(f"/devices/{flash.id}/video_url")
            states = []
            while "live" not in states:
                told = json.loads(socket.recv(timeout=12))
                if told["type"] == "stream":
                    states.append(told["data"]["state"])
    assert states == ["requested", "starting", "live"]
