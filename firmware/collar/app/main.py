"""A collar: one connection, one sampler, one sender, one hand on the dispenser."""

import asyncio
import json
import os
import random
from binascii import a2b_base64, hexlify

from app import files, mqtt
from app.activity import Activity
from app.buffer import Buffer
from app.config import Config
from app.treat import Treats

FIRMWARE = "1.0.0"
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.5, 60
ACK_FIRST_S, ACK_MOST_S = 10, 300
IN_FLIGHT_MOST = 4
FAULTS = (OSError, ValueError, EOFError, asyncio.TimeoutError)


class Collar:
    """`root` is its flash folder with device.json; `board` its hardware; `log(event, **fields)` its voice."""

    def __init__(self, root, board, clock, log):
        device = files.read_json(root + "/device.json")
        self.id, self._identity = device["id"], device["mqtt"]
        self._root, self._board, self._clock, self._log = root, board, clock, log
        self._context = mqtt.tls_context(a2b_base64(device["ca"]))
        self.boot = hexlify(os.urandom(4)).decode()
        self._config = Config(root, device.get("config", {}))
        self._buffer = Buffer(root, self.boot)
        self._treats = Treats(root, board.dispenser)
        self._activity = Activity()
        self._held = []  # samples that wait for the clock: (uptime, sample)
        self._seq = 0
        self._client = None
        self._orders = []
        self._wake, self._ordered = asyncio.Event(), asyncio.Event()
        self._sent = {}  # batch name -> (when it was sent, how long to wait for the server)

    async def run(self):
        """For ever."""
        files.remove(self._root + "/online")
        await asyncio.gather(self._connect_for_ever(), self._sample_for_ever(), self._send_for_ever(), self._obey())

    # --- connection -----------------------------------------------------------------------------------

    def _topic(self, name):
        return "devices/%s/%s" % (self.id, name)

    async def _connect_for_ever(self):
        delay = BACKOFF_FIRST_S
        while True:
            will = json.dumps({"v": 1, "online": False})
            client = mqtt.Client(self._identity, self._context, self._topic("status"), will, self._on_message)
            try:
                await client.connect()
                self._log("connected", host=self._identity["host"])
                reading = asyncio.create_task(self._read(client))
                await self._greet(client)
                delay = BACKOFF_FIRST_S
                await reading
            except FAULTS as error:
                self._log("connection_failed", reason=repr(error))
            self._client = None
            client.close()
            files.remove(self._root + "/online")
            # Full jitter: a fleet that lost its broker does not come back in one moment.
            await asyncio.sleep(delay * (0.5 + random.random()))
            delay = min(delay * 2, BACKOFF_MOST_S)

    async def _read(self, client):
        try:
            await client.run()
        except FAULTS as error:
            self._log("disconnected", reason=repr(error))

    async def _greet(self, client):
        await client.subscribe(self._topic("cmd/#"))
        self._client = client
        self._sent = {}
        await self._say_presence()
        files.write(self._root + "/online", self.boot)
        self._wake.set()
        for treat_id, result in self._treats.unconfirmed():
            await self._say_result(treat_id, result)

    async def _say_presence(self):
        if self._client is None:
            return
        state = {
            "v": 1,
            "online": True,
            "boot": self.boot,
            "firmware": FIRMWARE,
            "battery_level": self._board.battery.percent(),
            "rssi": self._board.rssi(),
            "treats_left": self._treats.left,
            "streaming": False,
            "config_version": self._config.version,
            "ip": self._board.ip(),
        }
        await self._client.publish(self._topic("status"), json.dumps(state).encode(), retain=True)

    def _on_message(self, topic, payload):
        """Sort what comes in; what cannot be read is logged and forgotten."""
        name = topic.split("/")[-1]
        try:
            told = json.loads(payload) if payload else {}
            if isinstance(told, dict) and told:
                self._take(name, told)
        except (ValueError, KeyError, TypeError) as error:
            self._log("bad_command", name=name, reason=repr(error))

    def _take(self, name, told):
        if name == "ack":
            done = self._buffer.delete(told["boot"], told["batch"])
            self._sent.pop(done, None)
            self._wake.set()
        elif name == "time":
            self._clock.set(told["now"])
            self._stamp_held()
        elif name == "config":
            if self._config.apply(told):
                self._log("config_applied", version=self._config.version)
                asyncio.create_task(self._quietly(self._say_presence()))
        elif isinstance(told.get("id"), str):
            self._orders.append((name, told))
            self._ordered.set()

    async def _quietly(self, saying):
        """A word that may be lost: presence is said again at the next connection."""
        try:
            await saying
        except FAULTS as error:
            self._log("not_said", reason=repr(error))

    # --- telemetry ------------------------------------------------------------------------------------

    async def _sample_for_ever(self):
        due = self._clock.uptime()
        while True:
            due += int(self._board.interval_s(self._config.telemetry_interval_s) * 1000)
            while True:
                # The chip's FIFO holds 32 samples, 0.64 s at 50 Hz.
                pause = min(due - self._clock.uptime(), 500)
                if pause > 0:
                    await asyncio.sleep_ms(pause)
                for x, y, z in self._board.accelerometer.read():
                    self._last = (x, y, z)
                    self._activity.add(x, y, z)
                if self._clock.uptime() >= due:
                    break
            self._make_sample()

    def _make_sample(self):
        felt = self._activity.summary()
        if felt is None:
            return
        x, y, z = self._last
        sample = {"seq": self._seq, "accel_x": x / 1000, "accel_y": y / 1000, "accel_z": z / 1000}
        sample["battery_level"] = self._board.battery.percent()
        sample["activity"] = felt
        self._seq += 1
        self._held.append((self._clock.uptime(), sample))
        self._stamp_held()

    def _stamp_held(self):
        """Give samples their time, once, as soon as it is known, and keep them."""
        while self._held and self._clock.now() is not None:
            uptime, sample = self._held.pop(0)
            sample["ts"] = self._clock.at(uptime)
            self._board.note_made(self.boot, sample)
            self._buffer.add(sample)
        self._wake.set()

    async def _send_for_ever(self):
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), 1)
            except asyncio.TimeoutError:
                pass
            self._wake.clear()
            if self._client is not None:
                await self._quietly(self._send_due())

    async def _send_due(self):
        if len(self._buffer.batches()) < IN_FLIGHT_MOST:
            self._buffer.close_batch()
        now = self._clock.uptime()
        for name in self._buffer.batches()[:IN_FLIGHT_MOST]:
            sent, wait = self._sent.get(name, (None, ACK_FIRST_S // 2))
            if sent is None or now - sent > wait * 1000:
                self._sent[name] = (now, min(wait * 2, ACK_MOST_S))
                await self._client.publish(self._topic("telemetry"), self._buffer.read(name))

    # --- treats ---------------------------------------------------------------------------------------

    async def _obey(self):
        while True:
            await self._ordered.wait()
            self._ordered.clear()
            while self._orders:
                name, order = self._orders.pop(0)
                await self._quietly(self._obey_one(name, order))

    async def _obey_one(self, name, order):
        if not self._board.answers():
            return
        treat_id = order["id"]
        if name != "treat":
            return await self._say({"id": treat_id, "result": "unsupported"})
        result = self._treats.known(treat_id)
        if result is None:
            await self._quietly(self._say({"id": treat_id, "result": "accepted"}))
            result = await self._treats.dispense(order, self._clock.now())
            self._board.after_motor(result)
            self._log("treat", id=treat_id, result=result, left=self._treats.left)
        await self._say_result(treat_id, result)

    async def _say_result(self, treat_id, result):
        await self._say({"id": treat_id, "result": result})
        self._treats.confirm(treat_id)

    async def _say(self, command):
        if self._client is None:
            raise OSError("not connected")
        state = {"v": 1, "command": command, "treats_left": self._treats.left}
        await self._client.publish(self._topic("status"), json.dumps(state).encode())
