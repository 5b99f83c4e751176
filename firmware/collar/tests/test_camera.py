import asyncio
import time

from board.camera import OvCamera, size_for
from helpers import raises
from sim import camera


def make(**driver):
    camera.use("Luna", lambda: time.time_ns() // 1_000_000)
    found = OvCamera(camera)
    for name, value in driver.items():
        setattr(found._sensor, name, value)
    return found


def raised(kind, work):
    try:
        asyncio.run(work)
    except kind:
        return True
    return False


def test_a_picture_is_a_whole_jpeg_of_the_size_and_quality_asked_for(_):
    lens = make()
    lens.start(320, 240, 10, 10)
    large = asyncio.run(lens.picture())
    lens.change(320, 240, 45)
    small = asyncio.run(lens.picture())
    lens.stop()
    assert large[:2] == b"\xff\xd8" and large[-2:] == b"\xff\xd9"
    assert len(small) < len(large) / 2


def test_pictures_come_no_more_often_than_asked_for(_):
    async def take(lens):
        began = time.ticks_ms()
        for _ in range(5):
            await lens.picture()
        return time.ticks_diff(time.ticks_ms(), began)

    lens = make()
    lens.start(160, 120, 10, 10)
    assert asyncio.run(take(lens)) >= 400


def test_half_a_picture_is_never_handed_on(_):
    halves = [b"\xff\xd8half", b"", b"half\xff\xd9", b"\xff\xd8whole\xff\xd9"]
    lens = make(capture=lambda: halves.pop(0))
    lens.start(640, 480, 10, 10)
    assert raised(OSError, lens.picture())
    assert asyncio.run(lens.picture()) == b"\xff\xd8whole\xff\xd9"


def test_a_sensor_that_is_silent_is_an_error_within_a_second(_):
    lens = make(frame_available=lambda: False)
    lens.start(640, 480, 10, 10)
    assert raised(OSError, lens.picture())


def test_it_has_no_power_unless_it_is_started(_):
    lens = make()
    assert raises(RuntimeError, lens._sensor.capture)
    lens.start(640, 480, 10, 10)
    lens.stop()
    lens.stop()
    assert raises(RuntimeError, lens._sensor.capture)


def test_sizes_between_two_of_the_sensor_are_rounded_down(_):
    assert [size_for(*size) for size in ((640, 480), (700, 500), (1600, 1200), (320, 479), (20, 20))] == [
        "VGA", "VGA", "UXGA", "QVGA", "QQVGA",
    ]  # fmt: skip
