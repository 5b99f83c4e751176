#!/usr/bin/env python3
"""From one RTMP stream to HLS: started by nginx-rtmp for each publisher, ended with it (SIGTERM).

    transcode.py SOURCE FOLDER <stream>-<run>

`FOLDER/<stream id>/<run>/<way>/` gets a playlist and its segments; `FOLDER/<stream id>/current` leads to the way that
is played, from its first segment on. JPEG becomes H.264 with a key frame each second. H.264 is copied; where its key
frames are too far apart for that, it is made anew. While pictures come `<run>/coming` is touched. A new run goes on in
the numbers and the time of the one before, so a player that watches stays. If ffmpeg ends this ends, and nginx starts
it again.
"""

import contextlib
import ctypes
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import FrameType

FRAME = re.compile(rb"^frame=(\d+)$", re.M)
# What ffprobe says of H.264: the name, and the configuration (ISO/IEC 14496-15, 5.2.4.1), whose second byte is the
# profile. Browsers show baseline, main and high; the others have more colour or depth.
H264 = re.compile(r"^h264\s+00000000: 01([0-9a-f]{2})", re.M)
SHOWN_PROFILES = (66, 77, 100)
NAME = re.compile(r"([0-9a-f]{32})-([0-9a-f]{32})\Z")
PR_SET_PDEATHSIG = 1
DAY_S = 86_400
LARGEST_SEGMENT = 32 << 20  # a publisher that never sends a key frame must not fill the disk
# The gate lets no larger ones in; here in case that two read a picture's header differently.
LARGEST_PIXELS = 1920 * 1088
# What ffmpeg may map, and hold for itself. With pictures of the largest size it maps 281 MB and holds 53 for JPEG, 336
# and 102 for H.264 that is made anew from four reference pictures (VmPeak and VmData of /proc; Debian 12's 5.1, one
# thread for each job).
LARGEST_SPACE, LARGEST_DATA = 512 << 20, 128 << 20
NICER = 5  # the gate and nginx, which all streams share, go first
# Seconds. Longer between two segments is too far behind, and too long to wait for the first one.
LONGEST_COPIED_S = 3.5
COPY_HEAD_START_S = 2.0  # for as long a copy may come after what is made anew: it is exact, and costs nothing
FIRST_KEY_S = 15.0  # pictures that come before the first key frame cannot be seen
LOOK_EACH_S, LOOK_CALMLY_EACH_S = 0.02, 0.2
LOOK_NOT = ("-probesize", "32", "-analyzeduration", "0")
LOOK_SHORTLY = ("-probesize", "500000", "-analyzeduration", "300000")  # us; else it is 5 s
# Without the first, seven small messages of the handshake wait for one another.
INPUT = ("-tcp_nodelay", "1", "-rtmp_live", "live", "-rw_timeout", "8000000")
INPUT += ("-max_pixels", str(LARGEST_PIXELS), "-threads", "1", "-f", "live_flv")
# `zerolatency` gives each picture away at once. RTMP has no frame rate, and ffmpeg's guess, 1000, would leave a picture
# 1.2 kbit: `force-cfr=0` goes by the times.
X264 = (
    *("-c:v", "libx264", "-tune", "zerolatency", "-crf", "26", "-x264-params", "force-cfr=0"),
    *("-g", "1000", "-sc_threshold", "0"),
    *("-force_key_frames", "expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+1))"),
    *("-threads", "1", "-fps_mode", "passthrough"),
)
SMALL = r"scale=w=min(iw\,1280):h=min(ih\,720):force_original_aspect_ratio=decrease:force_divisible_by=2"
WAYS = {
    # Clean up what one sees of a JPEG camera: full range, any size.
    "jpeg": (
        *("-vf", "scale=640:480:in_range=pc:out_range=tv,format=yuv420p", *X264),
        *("-preset", "veryfast", "-maxrate", "1200k", "-bufsize", "1200k"),
    ),
    "copy": ("-c:v", "copy"),
    "anew": ("-vf", f"{SMALL},format=yuv420p", *X264, "-preset", "superfast", "-maxrate", "2500k", "-bufsize", "2500k"),
}
HLS = ("-f", "hls", "-hls_time", "1", "-hls_list_size", "6", "-hls_delete_threshold", "2", "-hls_allow_cache", "0")
HLS_FLAGS = "delete_segments+independent_segments+program_date_time+temp_file+omit_endlist"


def end_with_parent(number: int) -> None:
    """Have the kernel send us that signal when our parent is gone, however it went."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def _as_child() -> None:
    """Before a child's exec; this program has no threads."""
    end_with_parent(signal.SIGKILL)
    os.nice(NICER)
    for kind, most in (
        (resource.RLIMIT_FSIZE, LARGEST_SEGMENT),
        (resource.RLIMIT_AS, LARGEST_SPACE),
        (resource.RLIMIT_DATA, LARGEST_DATA),
    ):
        resource.setrlimit(kind, (most, most))


def probe(url: str) -> "subprocess.Popen[str]":
    """Ask the stream what it is; a JPEG one has a codec id that ffprobe has no name for."""
    command = ["ffprobe", "-v", "error", *INPUT, *LOOK_NOT]
    command += ["-select_streams", "v", "-show_data", "-show_entries", "stream=codec_name,extradata"]
    command += ["-of", "default=nokey=1:noprint_wrappers=1", url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=_as_child)  # noqa: PLW1509


def command(url: str, folder: Path, way: str) -> list[str]:
    """ffmpeg's command line. Numbers and times come from the wall clock, so that runs follow one another."""
    now = time.time()
    look = (*LOOK_NOT, "-fflags", "nobuffer", "-c:v", "mjpeg") if way == "jpeg" else LOOK_SHORTLY
    source = [*INPUT, *look, "-i", url]
    place = ["-output_ts_offset", f"{now % DAY_S:.3f}", "-start_number", str(int(now))]
    place += ["-hls_flags", HLS_FLAGS, "-hls_segment_filename", str(folder / "%d.ts"), str(folder / "index.m3u8")]
    threads = ("-filter_threads", "1")  # as many as cores would map more than they may
    told = ("-progress", "pipe:1", "-stats_period", "0.5")
    begin = ["ffmpeg", "-nostdin", "-v", "error", *told, *threads]
    return [*begin, *source, "-an", *WAYS[way], *HLS, *place]


class Run:
    """One publisher's folder, and the link that players follow."""

    def __init__(self, folder: Path, stream: str, run: str) -> None:
        self.stream = folder / str(uuid.UUID(stream))
        self.folder = self.stream / run
        self.link = self.stream / "current"

    def begin(self) -> None:
        """An empty folder, whatever was there before."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def tell_coming(self) -> None:
        """Pictures come."""
        (self.folder / "coming").touch()

    def show(self, way: str) -> None:
        """Lead players there, in one step."""
        fresh = self.stream / f".{self.folder.name}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(f"{self.folder.name}/{way}")
        fresh.replace(self.link)

    def end(self) -> None:
        """Remove what is ours; another run's stays."""
        with contextlib.suppress(OSError):
            if Path(os.readlink(self.link)).parts[0] == self.folder.name:
                self.link.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.stream.rmdir()


class Work:
    """One ffmpeg, which writes a folder of its own."""

    def __init__(self, url: str, folder: Path, way: str) -> None:
        folder.mkdir()
        self._playlist = folder / "index.m3u8"
        self._ffmpeg = subprocess.Popen(command(url, folder, way), stdout=subprocess.PIPE, preexec_fn=_as_child)  # noqa: PLW1509
        self._told = self._ffmpeg.stdout
        assert self._told
        os.set_blocking(self._told.fileno(), False)
        self._pictures = 0
        self._began = time.monotonic()
        self.ready_at: float | None = None  # of the monotonic clock: when the first segment was there

    @property
    def waited(self) -> float:
        """Seconds from its start to its first segment."""
        return (self.ready_at or time.monotonic()) - self._began

    def look(self) -> int:
        """How many pictures came since the last look."""
        if self.ready_at is None and self._playlist.exists():
            self.ready_at = time.monotonic()
        found = FRAME.findall((self._told and self._told.read()) or b"")
        before, self._pictures = self._pictures, int(found[-1]) if found else self._pictures
        return self._pictures - before

    def segment_lasts(self) -> float:
        """Seconds since the last one was done."""
        return time.time() - self._playlist.stat().st_mtime

    def code(self) -> int | None:
        """ffmpeg's exit code; None while it runs."""
        return self._ffmpeg.poll()

    def end(self) -> None:
        """Kill it."""
        self._ffmpeg.kill()
        self._ffmpeg.communicate()


def _on_term(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class Transcoder:
    """The work for one publisher. It is taken for a collar, whose first picture should not wait for the probe."""

    def __init__(self, url: str, run: Run) -> None:
        self._url, self._run = url, run
        run.begin()
        self._probe = probe(url)
        self._asking = True
        self._at_work: dict[str, Work] = {}
        self._shown = ""
        self._failed: set[str] = set()
        self._sees_until = 0.0  # until then pictures come, though nothing can be made of them yet
        self._start("jpeg")

    def _start(self, way: str) -> None:
        self._at_work[way] = Work(self._url, self._run.folder / way, way)

    def _stop(self, way: str) -> None:
        if way in self._at_work:
            self._at_work.pop(way).end()

    def watch(self) -> int:
        """Until ffmpeg ends; its exit code. Players are led to it once there is something to play."""
        while True:
            self._ask()
            if (code := self._ended()) is not None:
                return code
            came = sum(work.look() for work in self._at_work.values()) > 0
            if came or time.monotonic() < self._sees_until:
                self._run.tell_coming()
            if way := self._better(came):
                self._show(way)
            time.sleep(LOOK_CALMLY_EACH_S if self._shown else LOOK_EACH_S)

    def _ask(self) -> None:
        """What the probe says, once it does. H.264 is copied and made anew until one of them is the better."""
        if not self._asking or self._probe.poll() is None:
            return
        self._asking = False
        if found := H264.search(self._probe.communicate()[0]):
            self._sees_until = time.monotonic() + FIRST_KEY_S
            self._stop("jpeg")
            self._start("anew")
            if int(found[1], 16) in SHOWN_PROFILES:
                self._start("copy")

    def _ended(self) -> int | None:
        """The exit code of the work that counts, when it has ended."""
        for way, work in list(self._at_work.items()):
            code = work.code()
            if code is None or self._asking:
                continue
            if way == self._shown or len(self._at_work) == 1:
                return code
            self._stop(way)
            self._failed.add(way)
        return None

    def _better(self, came: bool) -> str:
        """The way to lead players now; empty while it stays as it is."""
        copy, anew, jpeg = (self._at_work.get(way) for way in ("copy", "anew", "jpeg"))
        if self._shown == "copy":
            late = copy and came and copy.segment_lasts() > LONGEST_COPIED_S
            if late and not anew and "anew" not in self._failed:
                self._start("anew")
            return "anew" if anew and anew.ready_at else ""
        if self._shown:
            return ""
        if jpeg and jpeg.ready_at:
            return "jpeg"
        if copy and copy.ready_at:
            return "copy"
        return "anew" if anew and anew.ready_at and self._beats_copy(anew) else ""

    def _beats_copy(self, anew: Work) -> bool:
        """Whether key frames are so far apart that a copy would be late, now and later."""
        late = anew.ready_at is not None and time.monotonic() - anew.ready_at > COPY_HEAD_START_S
        return late or anew.waited > LONGEST_COPIED_S + 1 or "copy" not in self._at_work

    def _show(self, way: str) -> None:
        """Lead players there; a playlist is an answer, too: what makes one of JPEG is no H.264."""
        self._run.show(way)
        self._shown, self._asking, self._sees_until = way, False, 0.0
        self._probe.kill()
        for other in [one for one in self._at_work if one != way]:
            self._stop(other)

    def end(self) -> None:
        """All programs."""
        self._probe.kill()
        self._probe.wait()
        for way in list(self._at_work):
            self._stop(way)


def transcode(url: str, run: Run) -> int:
    """Until the stream or ffmpeg ends; ffmpeg's exit code."""
    transcoder = Transcoder(url, run)
    try:
        return transcoder.watch()
    finally:
        transcoder.end()


def main(source: str, folder: str, name: str) -> int:
    """0 when it was told to end."""
    found = NAME.match(name)
    if not found:
        return 2
    parent = os.getppid()
    end_with_parent(signal.SIGTERM)
    signal.signal(signal.SIGTERM, _on_term)
    run = Run(Path(folder), *found.groups())
    try:
        return transcode(f"{source}/{name}", run) if os.getppid() == parent else 0
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        run.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
