"""The OV5640 through micropython-camera-API 0.6.0 (0.6.1 and 0.6.2 fail on this sensor's JPEG: its issue 55)."""

import asyncio
import time

from board.ports import Camera

# The driver's names for sizes in pixels, largest first.
SIZES = (
    (1600, 1200, "UXGA"), (1280, 720, "HD"), (1024, 768, "XGA"), (800, 600, "SVGA"), (640, 480, "VGA"),
    (320, 240, "QVGA"), (160, 120, "QQVGA"),
)  # fmt: skip
BEGIN, END = b"\xff\xd8", b"\xff\xd9"
WORST = 63
TRIES, FRAME_MS, LOOK_MS = 3, 1_000, 5


def size_for(width, height):
    """The driver's name of the largest size that fits into so many pixels; the smallest one if none does."""
    for wide, high, name in SIZES:
        if wide <= width and high <= height:
            return name
    return SIZES[-1][2]


class OvCamera(Camera):
    """`api` is the driver's module."""

    def __init__(self, api):
        self._api = api
        self._sensor = api.Camera(
            pixel_format=api.PixelFormat.JPEG, frame_size=api.FrameSize.VGA, fb_count=2,
            grab_mode=api.GrabMode.LATEST, init=False,
        )  # fmt: skip
        self._last = self._every = 0

    def start(self, width, height, fps, quality):
        """Power on; `quality` is the sensor's, 4 (best) to 63. Raises OSError if there is none."""
        self._every, self._last = 1000 // fps, time.ticks_ms()
        try:
            self._sensor.init()
        except RuntimeError as error:  # that is what the driver raises
            raise OSError(str(error))
        self.change(width, height, quality)

    def change(self, width, height, quality):
        """Another size or quality from the next picture on."""
        self._sensor.reconfigure(frame_size=getattr(self._api.FrameSize, size_for(width, height)))
        self._sensor.set_quality(100 - quality * 100 // WORST)

    async def picture(self):
        """The newest picture, whole, at most `fps` a second. Raises OSError."""
        await asyncio.sleep_ms(self._until_next())
        for _ in range(TRIES):
            self._sensor.free_buffer()  # what lies there is old
            await self._fresh()
            picture = self._sensor.capture()
            if picture and picture[:2] == BEGIN and picture[-2:] == END:
                return picture
        raise OSError("no whole picture")

    def stop(self):
        """Power off; may be called twice."""
        self._sensor.deinit()

    def _until_next(self):
        """Milliseconds until the next one is due; the beat is kept unless it was missed."""
        now = time.ticks_ms()
        self._last = time.ticks_add(self._last, self._every)
        if time.ticks_diff(now, self._last) > self._every:
            self._last = now
        return max(time.ticks_diff(self._last, now), 0)

    async def _fresh(self):
        until = time.ticks_add(time.ticks_ms(), FRAME_MS)
        while not self._sensor.frame_available():
            if time.ticks_diff(until, time.ticks_ms()) < 0:
                raise OSError("no picture")
            await asyncio.sleep_ms(LOOK_MS)
