"""micropython-camera-API's `camera`, before a simulated garden: `use(name, now_ms, film)` before a camera is made."""

from sim.scene import Film, Scene

# Bytes a pixel from that percentage of quality on: about what an OV5640 makes of a garden.
BYTES_A_PIXEL = ((80, 0.12), (50, 0.07), (0, 0.045))
_world = ("", None, None)


def use(name, now_ms, film=None):
    """What is made from now on shows that collar's name and clock, or the pictures in a folder."""
    global _world
    _world = (name, now_ms, film)


class PixelFormat:
    """As many as the collar uses."""

    JPEG = 4


class GrabMode:
    """When the sensor's pictures are taken over."""

    WHEN_EMPTY, LATEST = 0, 1


class FrameSize:
    """Here a size is its own number of pixels."""

    QQVGA, QVGA, VGA, SVGA = (160, 120), (320, 240), (640, 480), (800, 600)
    XGA, HD, UXGA = (1024, 768), (1280, 720), (1600, 1200)


class Camera:
    """The sensor. What needs power raises without it, as the driver does."""

    def __init__(self, pixel_format, frame_size, fb_count, grab_mode, init=True):
        self._name, self._now_ms, self._film = _world
        self.size, self._on, self._scene, self._quality = frame_size, False, None, 100
        if init:
            self.init()

    def init(self):
        """Power on."""
        self._on = True
        self._look()

    def deinit(self):
        """Power off."""
        self._on, self._scene = False, None

    def reconfigure(self, frame_size):
        """Another size."""
        self._must_be_on()
        self.size = frame_size
        self._look()

    def set_quality(self, percent):
        """100 is the best."""
        self._must_be_on()
        self._quality = percent

    def free_buffer(self):
        """Let the picture that lies there go."""
        self._must_be_on()

    def frame_available(self):
        """Whether one can be taken over."""
        return self._on

    def capture(self):
        """The newest picture, as JPEG."""
        self._must_be_on()
        share = next(share for least, share in BYTES_A_PIXEL if self._quality >= least)
        return self._scene.picture(self._now_ms(), int(self._scene.pixels * share))

    def _look(self):
        self._scene = Film(self._film) if self._film else Scene(self._name, *self.size)

    def _must_be_on(self):
        if not self._on:
            raise RuntimeError("Camera is not initialized")
