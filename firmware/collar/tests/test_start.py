import asyncio
import json
import time

from board import button, led, start
from board.pins import FREENOVE_S3_CAM as PINS
from helpers import CA
from sim import camera, machine, network
from sim.hardware import Board
from sim.motion import Motion
from sim.parts import DEFAULTS

NOW_S = time.time()


class Ntp:
    """A time server that answers, or does not."""

    def __init__(self, answers):
        self.answers, self.asked = answers, 0

    def settime(self):
        self.asked += 1
        if not self.answers:
            raise OSError(110)


def assemble(folder, ntp, wifi=True, **device):
    login = {"username": "x", "password": "x", "client_id": "x"}
    found = {"id": "018f0000-0000-7000-8000-00000000abcd", "mqtt": {"host": "127.0.0.1", "port": 9}, "ca": CA}
    found["mqtt"].update(login)
    found["wifi"] = [{"ssid": "Home", "password": "garden-gate"}] if wifi else []
    with open(folder + "/device.json", "w") as file:
        file.write(json.dumps(dict(found, **device)))
    board = Board(DEFAULTS, Motion(1), lambda: time.time_ns() // 1_000_000)
    machine.use(board)
    camera.use("Luna", time.ticks_ms)
    network.use({"Home": ("garden-gate", -50)})
    return board, start.assemble(folder, None, machine, network, camera, ntp, address=("127.0.0.1", 0))


def live(collar, ms):
    """Run the whole board for a while."""

    async def both():
        task = asyncio.create_task(start.live(collar, machine))
        await asyncio.sleep_ms(ms)
        found = led.sign(collar)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        return found

    return asyncio.run(both())


def test_the_board_joins_its_network_asks_for_the_time_and_feeds_the_watchdog(folder):
    ntp = Ntp(True)
    board, collar = assemble(folder, ntp)
    assert live(collar, 1_500) == "no_server"
    assert ntp.asked == 1 and abs(collar.clock.now_ms() - NOW_S * 1000) < 60_000
    assert board.fed >= 2
    assert collar.ports.network.rssi() == -50


def test_without_a_time_server_it_does_not_know_the_time(folder):
    _, collar = assemble(folder, Ntp(False))
    live(collar, 300)
    assert collar.clock.now_ms() is None


def test_a_board_without_a_network_opens_its_own(folder):
    _, collar = assemble(folder, Ntp(False), wifi=False)
    assert live(collar, 500) == "setup"
    assert collar.ports.network.setup._name == "Hetri-abcd"


def test_a_clock_from_before_the_collar_was_made_is_moved_to_that_day(folder):
    board, _ = assemble(folder, Ntp(False))
    assert board.clock is None  # this computer's is right
    ahead = NOW_S + 1_000_000
    board, _ = assemble(folder, Ntp(False), made=ahead)
    assert board.clock == time.gmtime(ahead)[:3] + (time.gmtime(ahead)[6],) + time.gmtime(ahead)[3:6] + (0,)


def test_the_button_asks_once_when_it_is_held_for_five_seconds(_):
    class Pressed:
        level = 0

        def value(self):
            return self.level

    async def hold(pin, ms, asked):
        task = asyncio.create_task(button.watch(pin, lambda: asked.append(1)))
        await asyncio.sleep_ms(ms)
        task.cancel()

    before, button.HOLD_MS, button.LOOK_MS = (button.HOLD_MS, button.LOOK_MS), 50, 1
    try:
        short, long = [], []
        asyncio.run(hold(Pressed(), 20, short))
        asyncio.run(hold(Pressed(), 300, long))
    finally:
        button.HOLD_MS, button.LOOK_MS = before
    assert (short, long) == ([], [1])


def test_the_light_is_on_all_the_time_while_the_camera_is(folder):
    async def watch(collar):
        levels = []
        pin = machine.Pin(PINS["led"], machine.Pin.OUT)
        task = asyncio.create_task(led.show(pin, collar))
        await asyncio.sleep_ms(400)
        for _ in range(30):
            await asyncio.sleep_ms(20)
            levels.append(board.levels[PINS["led"]])
        task.cancel()
        return levels

    board, collar = assemble(folder, Ntp(False))
    collar.video.streaming = True
    assert set(asyncio.run(watch(collar))) == {1}
