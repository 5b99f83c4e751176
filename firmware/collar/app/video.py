"""The camera on demand: publishes while the server's lease lasts, and keeps what it sends fresh.

A picture is taken only once the one before it has gone out and nearly all of it has arrived, so a slow network
costs pictures, never seconds. Steps down the LADDER when too few get through, and up again after a good while.
"""

import asyncio

from app import mqtt, net, rtmp
from app.treat import valid_id

ACTIONS = ("start", "stop")
LEASE_S = (1, 600)
FPS = (1, 15)
PORTS = (1, 65_535)
# Share of the asked size, and the sensor's quality (4 best, 63 worst).
LADDER = ((1, 10), (1, 25), (1, 45), (2, 10), (2, 25), (2, 45))
LOOK_EVERY_MS = 2_000
# Down when less than this share of the pictures got through, up after so many good looks in a row.
TOO_FEW, GOOD_LOOKS = 0.6, 5
# Nothing arrives any more: the connection is dead.
STALLED_MS = 15_000


class BadStream(ValueError):
    """A field of cmd/stream is missing or out of range; says which."""


def checked(told):
    """The fields of a start command. Raises BadStream."""
    for field, kind in (("host", str), ("app", str), ("name", str), ("key", str)):
        if not isinstance(told.get(field), kind) or not told[field]:
            raise BadStream(field)
    ranges = (("port", PORTS), ("lease_s", LEASE_S), ("width", (160, 1600)), ("height", (120, 1200)), ("fps", FPS))
    for field, (least, most) in ranges:
        if not isinstance(told.get(field), int) or not least <= told[field] <= most:
            raise BadStream(field)
    return told


class Video:
    """Takes cmd/stream. `allowed()` is None or the reason why there is no stream now; `tell(id, result, reason)`
    answers the server; `changed()` says that `streaming` is another."""

    def __init__(self, camera, clock, ca, allowed, tell, changed, log):
        self._camera, self._clock, self._ca = camera, clock, ca
        self._allowed, self._tell, self._changed, self._log = allowed, tell, changed, log
        self._id = self._task = None
        self._until = 0
        self.streaming = False

    def command(self, told):
        """Obey one command. Returns what is to be awaited beside everything else, or None."""
        id = told.get("id")
        if not valid_id(id) or told.get("action") not in ACTIONS:
            self._log("stream_ignored")
            return None
        if told["action"] == "stop":
            return self._stop(id)
        try:
            checked(told)
        except BadStream as error:
            self._log("stream_refused", id=id, field=error)
            return self._tell(id, "failed", "bad_%s" % error)
        if id == self._id:
            self._prolong(told)
            return None
        reason = "no_camera" if self._camera is None else self._allowed()
        if reason:
            self._log("stream_refused", id=id, reason=reason)
            return self._tell(id, "unsupported" if self._camera is None else "failed", reason)
        return self._start(told)

    def _prolong(self, told):
        self._until = self._clock.uptime_ms() + told["lease_s"] * 1000

    async def _stop(self, id):
        if id == self._id:
            await self.end("stop")

    async def end(self, reason):
        """Stop streaming, if it does."""
        task, self._task = self._task, None
        if task:
            self._log("stream_ends", id=self._id, reason=reason)
            self._id = None
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass

    async def check(self):
        """The configuration or the battery is another: stop what is allowed no more."""
        reason = self._allowed()
        if reason and self._id:
            id = self._id
            await self.end(reason)
            await self._tell(id, "failed", reason)

    async def _start(self, told):
        await self.end("replaced")
        self._id = told["id"]
        self._prolong(told)
        self._log("stream_starts", id=told["id"], width=told["width"], height=told["height"], fps=told["fps"])
        self._task = asyncio.create_task(self._run(told))

    async def _run(self, told):
        """One stream from its first picture to its end; a failure is told."""
        reason = why = None
        publisher = rtmp.Publisher()
        try:
            self._camera.start(told["width"], told["height"], told["fps"], LADDER[0][1])
            await publisher.open(told, net.tls_context(self._ca))
            self._say_streaming(True)
            await self._publish(told, publisher)
        except net.ERRORS as error:
            reason, why = mqtt.describe(error), "connection"
        except MemoryError as error:
            reason, why = mqtt.describe(error), "no_memory"
        finally:
            publisher.close()
            self._camera.stop()
            self._say_streaming(False)
        if self._id == told["id"]:
            self._id = self._task = None
        self._log("stream_ended", id=told["id"], reason=reason or "lease")
        if why:
            await self._tell(told["id"], "failed", why)

    def _say_streaming(self, streaming):
        if self.streaming != streaming:
            self.streaming = streaming
            self._changed()

    async def _publish(self, told, publisher):
        begun = looked = self._clock.uptime_ms()
        step, good, sent, last = 0, 0, 0, 0
        while self._clock.uptime_ms() < self._until:
            picture = await self._camera.picture()
            await publisher.send(picture, self._clock.uptime_ms() - begun)
            sent += 1
            await asyncio.wait_for_ms(publisher.wait_acknowledged(ahead(len(picture))), STALLED_MS)
            now = self._clock.uptime_ms()
            if now - looked >= LOOK_EVERY_MS:
                share = sent * 1000 / (told["fps"] * (now - looked))
                step, good = next_step(step, good, share)
                looked, sent = now, 0
                if step != last:
                    last = step
                    self._change(told, step)

    def _change(self, told, step):
        divisor, quality = LADDER[step]
        width, height = told["width"] // divisor, told["height"] // divisor
        self._log("stream_quality", width=width, height=height, quality=quality)
        self._camera.change(width, height, quality)


def ahead(picture):
    """How many bytes may be under way before the next picture is taken, after one of that size."""
    return max(rtmp.ACK_WINDOW, picture // 4) + rtmp.ACK_WINDOW


def next_step(step, good, share):
    """(step on the ladder, good looks in a row) after `share` of the pictures wanted got through."""
    if share < TOO_FEW:
        return min(step + 1, len(LADDER) - 1), 0
    if good + 1 >= GOOD_LOOKS and step:
        return step - 1, 0
    return step, good + 1
