"""The collar: what runs, and how the parts hand over to each other. Hardware comes in through `Ports`."""

import asyncio
import binascii
import os

from app import commands, mqtt
from app.activity import Activity
from app.buffer import Buffer
from app.clock import Clock
from app.config import BadConfig, Config, Device
from app.link import Link
from app.log import make_log
from app.power import Power
from app.presence import Presence
from app.telemetry import Sampler
from app.treat import Ledger, Treats, valid_id
from app.update import Update
from app.video import Video

FIRMWARE = "1.0.0"
TASKS_AT_ONCE = 16
WARM_UP_MS = 50
# Who samples rarely, or cannot, is still there: after 3 minutes of silence the server would think otherwise.
SAY_AGAIN_MS = 150_000
# Results that nobody heard are told again after this, doubling.
REPEAT_MS = 1_000
LONGEST_REPEAT_MS = 60_000


class Restart(Exception):
    """Ends the program, so that the loader starts it, or another, anew."""


class Ports:
    """What the program needs from the hardware. See board/ports.py for each one's duties."""

    def __init__(
        self, board, accelerometer, dispenser, battery, network, camera=None, system_ms=None, treats=50, feel_ms=400,
        alive=lambda: None,
    ):  # fmt: skip
        self.board = board  # its name, as releases have it
        self.accelerometer = accelerometer
        self.dispenser = dispenser  # None where there is none, as with the camera
        self.battery = battery
        self.network = network
        self.camera = camera
        self.system_ms = system_ms
        self.treats = treats
        self.feel_ms = feel_ms
        self.alive = alive  # called again and again while the program goes on: a watchdog


class Collar:
    """One collar with its own folder in flash. `run()` ends only by an error, or Restart.

    `slots` tells from where in flash it was started; None where nothing can be updated.
    """

    def __init__(self, folder, ports, slots=None):
        self.firmware = slots.version if slots else FIRMWARE
        self.device = Device(folder)
        self.boot = binascii.hexlify(os.urandom(4)).decode()
        self.log = make_log(self.device.id)
        self.ports = ports
        self.clock = Clock(ports.system_ms)
        self.config = Config(folder, self.device.config)
        self.buffer = Buffer(folder, self.boot, self.log)
        self.activity = Activity()
        self.sampler = Sampler(self.clock, self.keep, self.log)
        ledger = Ledger(folder, ports.treats, self.clock)
        self.treats = Treats(ledger, ports.dispenser, self.clock, self.answer, self.log)
        self.power = Power(ports.battery)
        self.presence = Presence(self)
        self.video = Video(
            ports.camera,
            self.clock,
            self.device.ca,
            self.no_stream_because,
            self.tell_stream,
            self.presence.changed.set,
            self.log,
        )
        self.restarting = asyncio.Event()
        self.update = Update(folder, slots, self, self.tell_update, self.restarting.set)
        self.link = Link(self.device, ports.network, self.receive, self, self.log)
        self._to_send = asyncio.Event()
        self._interval_changed = asyncio.Event()
        self._running = 0
        self._repeating = self._unsaid = False

    async def run(self):
        """Sample, send and obey until something breaks that should not."""
        self.log("boot", boot=self.boot, firmware=self.firmware, kept=len(self.buffer))
        loops = (self._feel(), self._sample(), self._deliver(), self.link.run(), self._stay_present())
        loops += (self._until_restart(), self.update.give_up_unproved(), self.ports.network.run())
        tasks = [asyncio.create_task(loop) for loop in loops]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            self.link.end()

    async def _until_restart(self):
        await self.restarting.wait()
        raise Restart

    # What a simulation listens to.

    def on_sample(self, seq, ts):
        """A sample is in flash and not yet sent."""

    def on_settled(self, entry):
        """A treat's result is in flash and not yet sent."""

    # Telemetry.

    def interval_ms(self):
        """Time between two samples."""
        return self.power.interval_ms(self.config.interval_ms)

    def keep(self, text, seq, ts):
        """Store one sample, then let it be sent."""
        if self.buffer.add(text):
            self.on_sample(seq, ts)
            self._to_send.set()

    async def _sample(self):
        while self.ports.accelerometer.last() is None:  # the chip has just been switched on, or is broken
            await asyncio.sleep_ms(WARM_UP_MS if self._read_motion() else self.ports.feel_ms)
        last = self.clock.uptime_ms() - self.interval_ms()
        while True:
            wait = last + self.interval_ms() - self.clock.uptime_ms()
            if wait > 0:
                await _wait(self._interval_changed, wait)
                continue
            now = self.clock.uptime_ms()
            elapsed = max(now - last, 1)
            # Keep the beat, unless it was missed by more than a whole interval.
            last = now if elapsed >= 2 * self.interval_ms() else last + self.interval_ms()
            self._take_sample(elapsed)
            await asyncio.sleep_ms(0)

    async def _feel(self):
        """Empty the accelerometer's buffer before it runs over."""
        while True:
            self._read_motion()
            self.ports.alive()
            await asyncio.sleep_ms(self.ports.feel_ms)

    def _read_motion(self):
        """False if the chip does not answer."""
        try:
            for mg in self.ports.accelerometer.read():
                self.activity.add(*mg)
        except OSError as error:
            self.log("accelerometer_failed", error=error)
            return False
        return True

    def _take_sample(self, elapsed):
        level = self.ports.battery.level()
        self.presence.watch_battery(level)
        # Without the chip there is a gap: nothing is made up.
        if self._read_motion():
            activity = self.activity.take(elapsed)
            self.power.note(activity)
            self.sampler.make(self.ports.accelerometer.last(), level, activity)

    async def _deliver(self):
        """Send what is due, oldest first, one message after the other."""
        while True:
            batch = self.buffer.due(self.clock.uptime_ms()) if self.link.online else None
            if batch is None:
                wait = self.buffer.next_due_ms(self.clock.uptime_ms()) if self.link.online else None
                await _wait(self._to_send, wait)
                continue
            message = self.buffer.message(batch)
            if message is None:
                continue
            if batch.tries:
                self.log("ack_missing", boot=batch.boot, batch=batch.number, tries=batch.tries)
            reason = await self.link.publish("telemetry", message)
            if reason is not None:
                self.buffer.sent(batch, self.clock.uptime_ms(), heard=reason == mqtt.SUCCESS)

    # The link.

    async def greet(self):
        """The connection stands: say what the collar is. True if the broker took it."""
        return await self.presence.say()

    def on_up(self):
        """The server knows that the collar is there: send what is waiting."""
        if self._unsaid:  # it changed while `greet` was under way
            self._unsaid = False
            self.presence.changed.set()
        self.update.prove()
        self.buffer.forget_sending()
        self._to_send.set()
        self.spawn(self.treats.repeat_results())
        self.spawn(self.update.go_on())

    def on_down(self):
        """There is no connection, or there is none any more."""

    async def _stay_present(self):
        """Say what has changed since presence was last said, and now and then that the collar is there."""
        while True:
            await _wait(self.presence.changed, SAY_AGAIN_MS)
            if self.link.online:
                await self.presence.say()
            else:
                self._unsaid = True

    # Commands.

    def receive(self, name, payload):
        """One command. Returns at once; what takes longer becomes a task."""
        told = commands.parse(payload)
        if told is None:
            return self.log("message_ignored", topic=name, bytes=len(payload))
        method, _ = commands.TABLE.get(name, commands.UNKNOWN)
        try:
            getattr(self, method)(told)
        except Exception as error:  # Whatever a message holds, the collar goes on.
            self.log("message_failed", topic=name, reason=mqtt.describe(error))

    def take_ack(self, told):
        """The server has a batch."""
        boot, number, rejected = told.get("boot"), told.get("batch"), told.get("rejected")
        if rejected:
            self.log("ack_rejected", boot=boot, batch=number, stored=told.get("stored"), rejected=rejected)
        if not self.buffer.acknowledged(boot, number):
            self.log("ack_unknown", boot=boot, batch=number)
        self._to_send.set()

    def take_treat(self, told):
        """The server wants a treat to be given."""
        self.spawn(self.treats.command(told))

    def take_config(self, told):
        """The server wants another configuration, or says that there is none any more."""
        if told.get("retired") is True:
            return self.log("retired")
        try:
            changed = self.config.apply(told)
        except BadConfig as error:
            return self.log("config_refused", field=error)
        except OSError as error:
            return self.log("flash_failed", error=error)
        if changed:
            self.log("config", version=told["version"], interval_s=self.config.now["telemetry_interval_s"])
            self._interval_changed.set()
            self.presence.changed.set()
            self.spawn(self.video.check())

    def take_time(self, told):
        """The server says what time it is."""
        if self.clock.set(told.get("now")):
            self.log("clock_set")
            self.sampler.release()

    def take_stream(self, told):
        """The server wants the camera's picture, or no longer."""
        work = self.video.command(told)
        if work:
            self.spawn(work)

    def take_update(self, told):
        """The server has another program, or no longer."""
        work = self.update.command(told)
        if work:
            self.spawn(work)

    async def tell_update(self, update):
        """Tell how an update stands."""
        await self.link.tell({"v": 1, "update": update})

    def no_stream_because(self):
        """Why the camera stays off, as a word, or None."""
        return "camera_off" if self.config.now["camera"] == "off" else self.power.no_stream_because()

    async def tell_stream(self, id, result, reason):
        """Tell what became of a stream command."""
        await self.link.tell({"v": 1, "command": {"id": id, "result": result, "reason": reason}})

    def take_unknown(self, told):
        """A command of a later version: say so if it can be named."""
        if valid_id(told.get("id")):
            self.log("unsupported", id=told["id"])
            self.spawn(self.answer(told["id"], "unsupported", None))

    async def answer(self, id, result, entry):
        """Tell a command's result. An `entry` of the ledger is confirmed once somebody has heard it."""
        if entry and not entry.confirmed:
            self.on_settled(entry)
        told = {"v": 1, "command": {"id": id, "result": result}}
        if self.ports.dispenser:
            told["treats_left"] = self.treats.ledger.left
        reason = await self.link.tell(told, wait=result != "accepted")
        if entry and reason == mqtt.SUCCESS:
            if self.treats.ledger.confirm(entry):
                self.presence.changed.set()
        elif entry:
            entry.confirmed = False
            if reason is not None and not self._repeating:
                self.spawn(self._repeat_results())

    async def _repeat_results(self):
        """Nobody listened, so the server is starting: tell results again until it hears them."""
        self._repeating = True
        wait = REPEAT_MS
        try:
            while self.link.online and self.treats.ledger.unheard():
                await asyncio.sleep_ms(wait)
                wait = min(wait * 2, LONGEST_REPEAT_MS)
                for entry in self.treats.ledger.unheard():
                    await self.answer(entry.id, entry.result, entry)
        finally:
            self._repeating = False

    def spawn(self, work):
        """Run a coroutine beside everything else; too many at once are refused."""
        if self._running >= TASKS_AT_ONCE:
            work.close()
            return self.log("busy")
        self._running += 1
        asyncio.create_task(self._run(work))

    async def _run(self, work):
        try:
            await work
        except Exception as error:
            self.log("task_failed", reason=mqtt.describe(error))
        finally:
            self._running -= 1


async def _wait(event, ms):
    """Until the event or the time; the event is clear afterwards."""
    try:
        if ms is None:
            await event.wait()
        else:
            await asyncio.wait_for_ms(event.wait(), ms)
    except asyncio.TimeoutError:
        pass
    event.clear()
