"""Two weeks of a dog's life, made up once and stored through the same path as a collar's own samples."""

import json
import math
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any
from zoneinfo import ZoneInfo

from broker.messages import Message
from broker.topics import TELEMETRY
from core.ids import to_ms
from core.times import from_ms, now
from devices.models import Device
from telemetry.services.ingest import store
from treats.models import TreatEvent

BOOT = "0de00000"
DAY = 24 * 60  # minutes
MINUTES = 14 * DAY
CHARGED = 13 * DAY // 2  # minutes between two times on the charger; the last was a day ago
BATCH = 10
WALKS = ((7.0, 8.0), (12.2, 12.8), (18.0, 19.2))  # hours of the pet's day
LATE = ((11.3, 11.6),)  # out of reach, sent 40 min afterwards
GAPS = ((2.2, 2.8), (16.0, 16.5))  # out of reach, never sent
TREATS = ((7.9, "dispensed"), (9.8, "jammed"), (9.85, "dispensed"), (12.6, "dispensed"), (19.3, "dispensed"))


def write_history(device: Device) -> None:
    """A sample a minute for the two weeks before now, with walks, sleep, gaps and late ones, and treats."""
    zone = ZoneInfo(str(device.config["time_zone"]))
    messages = _messages(device, _samples(now() - timedelta(minutes=MINUTES), zone), zone)
    while day := list(islice(messages, DAY // BATCH)):
        store(day)
    for at, result in _treats(zone):
        _treat(device, at, result)


def _messages(device: Device, samples: Iterator[dict[str, Any]], zone: ZoneInfo) -> Iterator[Message]:
    for batch, minutes in groupby(samples, lambda sample: sample["seq"] // BATCH):
        sent = list(minutes)
        payload = json.dumps({"v": 1, "boot": BOOT, "batch": batch, "samples": sent}).encode()
        came = _came(from_ms(sent[-1]["ts"]).astimezone(zone))
        yield Message(device.pk, f"devices/{device.pk}/{TELEMETRY}", payload, False, came)


def _came(last: datetime) -> int:
    """When a batch arrived, in ms: with its last sample, but for the late ones."""
    late = timedelta(minutes=40) if _within(last.hour + last.minute / 60, LATE) else timedelta(0)
    return min(to_ms(last + late), to_ms(now()))


def _within(hour: float, spans: tuple[tuple[float, float], ...]) -> bool:
    return any(start <= hour < end for start, end in spans)


def _samples(start: datetime, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    chance = random.Random(7)  # noqa: S311  (a dog's life, not a secret)
    moods = [chance.uniform(0.6, 1.25) for _day in range(MINUTES // DAY)]
    for minute in range(MINUTES):
        at = (start + timedelta(minutes=minute)).astimezone(zone)
        hour = at.hour + at.minute / 60
        if _within(hour, GAPS):
            continue
        awake, mood = 6.5 <= hour < 22.5, moods[at.toordinal() % len(moods)]
        lively = (
            chance.randint(30, 58)
            if _within(hour, WALKS)
            else int(awake and chance.random() < 0.3) * chance.randint(3, 25)
        )
        active = min(60, int(lively * mood))
        yield {
            "seq": minute,
            "ts": to_ms(at),
            "accel_x": round(0.05 * math.sin(minute / 9) + active / 300, 3),
            "accel_y": round(-0.98 + active / 500, 3),
            "accel_z": round(0.12 * math.cos(minute / 17), 3),
            "battery_level": round(96 - minute % CHARGED * 0.0085, 1),
            "activity": {
                "sd_mg": 6 + active * 5,
                "odba_mg": 4 + active * 3,
                "active_s": active,
                "steps": active * 2,
            },
        }


def _treats(zone: ZoneInfo) -> Iterator[tuple[datetime, str]]:
    """When and how each went, oldest first: all of yesterday and today, most of the days before."""
    chance = random.Random(7)  # noqa: S311  (a dog's life, not a secret)
    today = now().astimezone(zone).replace(second=10, microsecond=0)
    for days in reversed(range(MINUTES // DAY)):
        for hour, result in TREATS:
            at = (today - timedelta(days=days)).replace(hour=int(hour), minute=int(hour % 1 * 60))
            given = days < 2 or (result == TreatEvent.Result.DISPENSED and chance.random() < 0.7)
            if given and at < now() - timedelta(minutes=5):
                yield at, result


def _treat(device: Device, at: datetime, result: str) -> None:
    TreatEvent.objects.create(
        device=device,
        pet=device.pet,
        triggered_by=device.owner,
        event_time=at,
        result=result,
        source=TreatEvent.Source.OWNER,
        expires_at=at + timedelta(seconds=30),
        published_at=at,
        delivered_at=at + timedelta(milliseconds=300),
        settled_at=at + timedelta(seconds=2),
    )
