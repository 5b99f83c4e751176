#!/usr/bin/env python3
"""From one RTMP stream to HLS: started by nginx-rtmp for each publisher, ended with it (SIGTERM).

    transcode.py SOURCE FOLDER <stream>-<run>

`FOLDER/<stream id>/<run>/` gets the playlist and its segments; `FOLDER/<stream id>/current` leads there from the first
segment on. JPEG becomes H.264 with a key frame each second, H.264 is copied. A new run goes on in the numbers and the
time of the one before, so a player that watches stays. If ffmpeg ends this ends, and nginx starts it again.
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

NAME = re.compile(r"([0-9a-f]{32})-([0-9a-f]{32})\Z")
PR_SET_PDEATHSIG = 1
DAY_S = 86_400
LARGEST_SEGMENT = 32 << 20  # a publisher that never sends a key frame must not fill the disk
# The gate lets no larger ones in; here in case that two read a picture's header differently.
LARGEST_PIXELS = 1920 * 1088
# What ffmpeg may map, and hold for itself. With pictures of the largest size it maps 281 MB and holds 53 (VmPeak and
# VmData of /proc; Debian 12's 5.1, one thread for each job).
LARGEST_SPACE, LARGEST_DATA = 512 << 20, 128 << 20
NICER = 5  # the gate and nginx, which all streams share, go first
LOOK_NOT = ("-probesize", "32", "-analyzeduration", "0")
LOOK_SHORTLY = ("-probesize", "500000", "-analyzeduration", "300000")  # us; else it is 5 s
INPUT = ("-rw_timeout", "8000000", "-max_pixels", str(LARGEST_PIXELS), "-threads", "1", "-f", "live_flv")
# Clean up what one sees of a JPEG camera: full range, any size. `zerolatency` gives each picture away at once.
# RTMP has no frame rate, and ffmpeg's guess, 1000, would leave a picture 1.2 kbit: `force-cfr=0` goes by the times.
FROM_JPEG = (
    *("-vf", "scale=640:480:in_range=pc:out_range=tv,format=yuv420p"),
    *("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-crf", "26", "-maxrate", "1200k"),
    *("-bufsize", "1200k", "-x264-params", "force-cfr=0", "-g", "1000", "-sc_threshold", "0"),
    *("-force_key_frames", "expr:gte(t,n_forced)"),
    *("-threads", "1", "-fps_mode", "passthrough"),
)
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
    command += ["-select_streams", "v", "-show_entries", "stream=codec_name", "-of", "csv=p=0", url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=_as_child)  # noqa: PLW1509


def command(url: str, folder: Path, copy: bool) -> list[str]:
    """ffmpeg's command line. Numbers and times come from the wall clock, so that runs follow one another."""
    now = time.time()
    source = [*INPUT, *(LOOK_SHORTLY if copy else (*LOOK_NOT, "-c:v", "mjpeg")), "-i", url]
    codec = ["-c:v", "copy"] if copy else list(FROM_JPEG)
    place = ["-output_ts_offset", f"{now % DAY_S:.3f}", "-start_number", str(int(now))]
    place += ["-hls_flags", HLS_FLAGS, "-hls_segment_filename", str(folder / "%d.ts"), str(folder / "index.m3u8")]
    threads = ("-filter_threads", "1")  # as many as cores would map more than they may
    return ["ffmpeg", "-nostdin", "-v", "error", *threads, "-fflags", "nobuffer", *source, "-an", *codec, *HLS, *place]


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

    def show(self) -> None:
        """Lead players here, in one step."""
        fresh = self.stream / f".{self.folder.name}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self.folder.name)
        fresh.replace(self.link)

    def end(self) -> None:
        """Remove what is ours; another run's stays."""
        with contextlib.suppress(OSError):
            if os.readlink(self.link) == self.folder.name:
                self.link.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.stream.rmdir()


def _on_term(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class Transcoder:
    """ffmpeg for one publisher. It is taken for a collar, whose first picture should not wait for the probe."""

    def __init__(self, url: str, run: Run) -> None:
        self._url, self._run = url, run
        self._probe = probe(url)
        self._ffmpeg = self._start(copy=False)
        self._asking = True

    def _start(self, *, copy: bool) -> "subprocess.Popen[bytes]":
        self._run.begin()
        return subprocess.Popen(command(self._url, self._run.folder, copy), preexec_fn=_as_child)  # noqa: PLW1509

    def watch(self) -> int:
        """Until ffmpeg ends; its exit code. Players are led here once there is something to play."""
        while True:
            if self._asking and self._probe.poll() is not None:
                self._asking = False
                if self._probe.communicate()[0].strip() == "h264":
                    self._end_ffmpeg()
                    self._ffmpeg = self._start(copy=True)
            if not self._asking and self._ffmpeg.poll() is not None:
                return self._ffmpeg.returncode
            if (self._run.folder / "index.m3u8").exists():
                self._run.show()
                return self._settled()
            time.sleep(0.02)

    def _settled(self) -> int:
        """A playlist is the answer, too: what makes one of JPEG is no H.264."""
        self._probe.kill()
        return self._ffmpeg.wait()

    def _end_ffmpeg(self) -> None:
        self._ffmpeg.kill()
        self._ffmpeg.wait()

    def end(self) -> None:
        """Both programs."""
        for child in (self._probe, self._ffmpeg):
            child.kill()
            child.wait()


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
