"""The collar's camera in front of its owner: real collar, media server, transcoder, token check and relay."""

import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from core.times import iso
from tests.conftest import Stack, collars
from tools.testing import Collar, wait_for

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
        found = self.stack.rows("SELECT reported -> 'streaming' FROM devices_device WHERE id = %s", self.device)
        return bool(found[0][0])


@pytest.fixture(scope="module", autouse=True)
def left(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Watch, float]]:
    """A stream whose only viewer has left, and when: what becomes of it takes 15 s, in which the others are tested."""
    with collars(stack, tmp_path_factory.mktemp("left")) as new_collar, stack.client() as owner:
        watched = begin_watch(stack, owner, new_collar(interval_s=60).id)
        wait_for(watched.streaming)
        assert watched.get() == 200
        yield watched, time.time()


@pytest.fixture
def watch(stack: Stack) -> Iterator[Watch]:
    """A live stream of the demo's collar."""
    with stack.client() as owner:
        yield begin_watch(stack, owner, stack.demo["device"])


def begin_watch(stack: Stack, owner: httpx.Client, device: str) -> Watch:
    """Ask for the collar's stream, and wait until there is a picture.

    A test before may have taken the broker away: the collar comes back when its back-off lets it.
    """
    wait_for(lambda: owner.get(f"/devices/{device}/status").json()["status"] == "online", 70)
    answer = owner.get(f"/devices/{device}/video_url")
    assert answer.status_code == 200, answer.text
    watched = Watch(stack, owner, device, answer.json()["url"])
    wait_for(lambda: watched.get() == 200, 12)
    return watched


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
        watch.path(watch.token, "../secrets.env"),
        watch.path(watch.token, "..%2f..%2fvideo%2fviewings.log"),
        watch.path(watch.token, "%2e%2e/%2e%2e/secrets.env"),
        watch.path(watch.token, "index.m3u8/x"),
        watch.path(watch.token, ""),
        watch.path(watch.token, "poster.jpg"),
        watch.path("x", f"index.m3u8?token={watch.token}"),
        f"/v/{watch.stream}/?{watch.token}/index.m3u8",
    ]
    assert {path: watch.get(path) for path in refused} == dict.fromkeys(refused, 403)
    assert watch.get(watch.path(watch.token, "../../../../secrets.env")) == 400
    assert watch.get(watch.path(watch.sign(watch.stream, viewing, later))) == 200


def test_the_hooks_cannot_be_reached_from_outside(watch: Watch) -> None:
    with watch.anonymous() as player:
        for path in ("/internal/streaming/publish", "//internal/streaming/publish", "/internal/streaming/publish_done"):
            secret = {"X-Hetri-Hook": watch.stack.instance.env["HETRI_HOOK_SECRET"]}
            assert player.post(path, data={"app": "collar", "name": "x"}, headers=secret).status_code == 404


def test_a_new_token_goes_on_with_the_same_stream(watch: Watch) -> None:
    fresh = watch.owner.get(f"/devices/{watch.device}/video_token").json()
    with watch.anonymous() as player:
        segment = player.get(watch.url).text.split()[-1]
        assert player.get(watch.path(fresh["token"], segment)).status_code == 200
        assert segment in player.get(watch.path(fresh["token"])).text
    assert fresh["stream"] == watch.stream


def test_a_logout_closes_the_stream_within_5_s(watch: Watch) -> None:
    assert watch.owner.post("/auth/logout_all").status_code == 204
    wait_for(lambda: watch.get() == 403, 5)


def test_switching_the_camera_off_closes_the_stream_within_5_s(watch: Watch) -> None:
    device = f"/devices/{watch.device}"
    try:
        assert watch.owner.patch(device, json={"config": {"camera": "off"}}).status_code == 200
        began = time.monotonic()
        wait_for(lambda: watch.get() == 403, 5)
        wait_for(lambda: watch.state() == ("ended", "camera_off"), 5)
        wait_for(lambda: not (watch.stack.instance.var / "hls" / watch.stream).exists(), 5)
        wait_for(lambda: not watch.streaming(), 5)
        assert time.monotonic() - began < 5
    finally:
        assert watch.owner.patch(device, json={"config": {"camera": "on_demand"}}).status_code == 200


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


def test_a_viewer_that_reads_nothing_slows_nobody(watch: Watch) -> None:
    path = watch.path(watch.token, "live.mjpeg")
    with watch.anonymous() as player, player.stream("GET", path) as stuck, player.stream("GET", path) as answer:
        assert stuck.status_code == answer.status_code == 200
        began, pictures = time.monotonic(), 0
        for piece in answer.iter_raw():
            pictures += piece.count(b"--picture")
            if pictures >= 20:
                break
    assert time.monotonic() - began < 4


def test_the_fast_view_is_cut_when_the_right_is_lost(watch: Watch) -> None:
    with watch.anonymous() as player, player.stream("GET", watch.path(watch.token, "live.mjpeg")) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        watch.owner.post("/auth/logout_all")
        began = time.monotonic()
        for _ in pieces:
            assert time.monotonic() - began < 5
    assert watch.get(watch.path(watch.token, "live.mjpeg")) == 403


def test_no_log_holds_a_token(watch: Watch) -> None:
    for path in (watch.url, watch.path(watch.token, "9.ts"), watch.path(watch.token, "x"), f"//v/x/{watch.token}/%zz"):
        with watch.anonymous() as player:
            player.get(path)
    log = watch.stack.instance.var / "log"
    wait_for(lambda: f"/v/{watch.stream}/***/index.m3u8" in (log / "access.log").read_text())
    mac = watch.token.split(".")[2]
    assert [path.name for path in log.iterdir() if mac in path.read_text(errors="replace")] == []


def test_who_finds_no_picture_yet_counts_as_watching(watch: Watch) -> None:
    seen = watch.stack.instance.var / "video" / "viewings.log"
    before = seen.stat().st_size
    assert watch.get(watch.path(watch.token, "9.ts")) == 404
    viewing = watch.token.split(".")[1]
    wait_for(lambda: viewing in seen.read_text()[before:])


def test_the_picture_comes_back_when_everything_is_killed_at_once(watch: Watch) -> None:
    instance, before = watch.stack.instance, newest_segment(watch)
    victims = ("rtmp", "web", "redis", "nginx", "relay", "postgres")
    killed = {name: instance.pid(name) for name in victims}
    for name in victims:
        instance.kill(name)
    wait_for(lambda: all(instance.pid(name) not in (None, killed[name]) for name in victims), 10)
    assert wait_for(lambda: newest_segment(watch) > before + 2, 15)
    assert wait_for(lambda: watch.state()[0] == "live", 5)


def test_a_killed_transcoder_is_replaced(watch: Watch) -> None:
    before = newest_segment(watch)
    killed = watch.stack.transcoders(watch.stream)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: newest_segment(watch) > before + 2, 10)
    assert len(watch.stack.transcoders(watch.stream)) == 1
    assert not set(watch.stack.transcoders(watch.stream)) & set(killed)


def newest_segment(watch: Watch) -> int:
    """The number of the playlist's last segment; 0 while there is none."""
    try:
        with watch.anonymous() as player:
            found = re.findall(r"^(\d+)\.ts$", player.get(watch.url).text, re.M)
    except httpx.HTTPError:
        return 0
    return int(found[-1]) if found else 0


@pytest.fixture
def encoder(stack: Stack) -> Iterator["Encoder"]:
    """One that is watched and plays."""
    with stack.client() as owner:
        found = Encoder(stack, owner)
        found.doubled = found.publish_doubled()
        found.publish()
        wait_for(lambda: found.watched.get() == 200, 12)
        yield found
        found.close()


def test_an_encoder_with_a_key_plays_and_has_no_fast_view(encoder: "Encoder") -> None:
    before = newest_segment(encoder.watched)
    wait_for(lambda: newest_segment(encoder.watched) > before)
    assert encoder.watched.get(encoder.watched.path(encoder.watched.token, "live.mjpeg")) == 404


def test_a_publisher_that_doubles_an_argument_is_refused(encoder: "Encoder") -> None:
    assert [code != 0 for code in encoder.doubled] == [True] * 3


def test_a_second_publisher_with_the_same_key_is_refused(encoder: "Encoder") -> None:
    before = newest_segment(encoder.watched)
    assert encoder.spawn().wait(10) != 0
    wait_for(lambda: newest_segment(encoder.watched) > before + 1)


class Encoder:
    """Somebody's own camera: speaks MQTT by itself, and has ffmpeg publish H.264."""

    def __init__(self, stack: Stack, owner: httpx.Client) -> None:
        device = owner.post("/devices", json={"name": "Encoder"}).json()
        self.id, self._stack = device["id"], stack
        self._collar = Collar(device["mqtt"], ca=stack.instance.var / "tls" / "ca.pem").start()
        self._process: subprocess.Popen[bytes] | None = None
        self.doubled: list[int] = []
        wait_for(lambda: owner.get(f"/devices/{self.id}/status").json()["status"] == "online")
        self.watched = Watch(stack, owner, self.id, owner.get(f"/devices/{self.id}/video_url").json()["url"])

    def publish(self) -> None:
        """Do as the order says."""
        self._process = self.spawn()

    def publish_doubled(self) -> list[int]:
        """Publish with each argument there twice; the exit codes."""
        return [self.spawn(f"&{again}").wait(10) for again in (f"name={self.id}", "app=collar", "key=x")]

    def spawn(self, more: str = "") -> subprocess.Popen[bytes]:
        """An ffmpeg that publishes with the key of the first order, and more arguments."""
        order: dict[str, Any] = wait_for(lambda: self._collar.received("stream"))[0]
        url = f"rtmps://{order['host']}:{order['port']}/{order['app']}/{order['name']}?key={order['key']}{more}"
        source = ["-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10"]
        codec = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-f", "flv", url]
        return subprocess.Popen(["ffmpeg", "-nostdin", "-v", "error", *source, *codec])

    def close(self) -> None:
        self._collar.stop()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)


def _states_of_a_new_stream(watch: Watch, device: str, socket: ClientConnection) -> list[tuple[str, str]] | None:
    """What is told until it is live; None when the socket says that it lost something, as on a busy machine."""
    for camera in ("off", "on_demand"):
        watch.owner.patch(device, json={"config": {"camera": camera}})
        wait_for(lambda: watch.state()[0] == "ended")
    watch.owner.get(f"{device}/video_url")
    states: list[tuple[str, str]] = []
    while ("live", None) not in states:
        told = json.loads(socket.recv(timeout=12))
        if told["type"] == "resync":
            wait_for(lambda: watch.state()[0] == "live")
            return None
        if told["type"] == "stream":
            states.append((told["data"]["state"], told["data"]["reason"]))
    return states


def test_a_socket_tells_each_state_of_a_stream(watch: Watch) -> None:
    """Of a stream that is begun anew: the one before ends with the camera."""
    device = f"/devices/{watch.device}"
    url = f"{watch.stack.demo['url'].replace('https', 'wss')}/ws{device}"
    context = ssl.create_default_context(cafile=str(watch.stack.instance.var / "tls" / "ca.pem"))
    bearer: Any = ["bearer", watch.owner.headers["Authorization"].split()[1]]
    wait_for(lambda: watch.state()[0] == "live", 20)  # what came before may still be coming back
    with connect(url, subprotocols=bearer, ssl=context, ping_interval=None) as socket:
        assert json.loads(socket.recv(timeout=12))["type"] == "snapshot"  # from here on it hears everything
        heard = (_states_of_a_new_stream(watch, device, socket) for _ in range(3))
        states = next((states for states in heard if states is not None), None)
    assert states is not None
    if states[0] == ("starting", None):  # the collar heard of its settings before the keeper did: its picture was gone
        states = states[1:]
    assert states == [("ended", "camera_off"), ("requested", None), ("starting", None), ("live", None)]


def test_after_the_last_viewer_the_camera_is_off_and_the_ledger_right(left: tuple[Watch, float]) -> None:
    watched, at = left
    wait_for(lambda: not watched.streaming(), 20 - (time.time() - at))
    assert watched.state() == ("ended", "unwatched")
    first, last, ended = watched.stack.rows(VIEWING, watched.viewing)[0]
    assert abs(last.timestamp() - at) < 1
    assert ended.timestamp() - at < 8
    with watched.stack.client() as owner:
        row = owner.get(f"/devices/{watched.device}/viewings").json()["results"][0]
    assert (row["viewer"]["name"], row["source"], row["support"]) == ("Alex", "api", False)
    assert (row["from"], row["until"]) == (iso(first), iso(last))
