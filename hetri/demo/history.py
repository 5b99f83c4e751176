"""A day of a dog's life, made up once and stored through the same path as a collar's own samples."""

import json
import math
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from devices.models import Device, TreatEvent
from devices.mqtt.messages import Message
from devices.mqtt.topics import TELEMETRY
from hetri.core.ids import to_ms
from hetri.core.times import from_ms, now
from telemetry.services.ingest import store

BOOT = "0de00000"
MINUTES = 24 * 60
BATCH = 10
WALKS = ((7.0, 8.0), (12.2, 12.8), (18.0, 19.2))  # hours of the pet's day
LATE = ((11.3, 11.6),)  # out of reach, sent 40 min afterwards
GAPS = ((2.2, 2.8), (16.0, 16.5))  # out of reach, never sent
TREATS = ((7.9, "dispensed"), (9.8, "jammed"), (9.85, "dispensed"), (12.6, "dispensed"), (19.3, "dispensed"))


def write_day(device: Device) -> None:
    """A sample a minute for the 24 hours before now, with walks, sleep, gaps and late ones, and a few treats."""
    zone = ZoneInfo(str(device.config["time_zone"]))
    samples = list(_samples((now() - timedelta(minutes=MINUTES)).astimezone(zone)))
    for first in range(0, len(samples), BATCH):
        message = {"v": 1, "boot": BOOT, "batch": first // BATCH, "samples": samples[first : first + BATCH]}
        payload = json.dumps(message).encode()
        topic = f"devices/{device.pk}/{TELEMETRY}"
        came = _came(from_ms(samples[min(first + BATCH, len(samples)) - 1]["ts"]).astimezone(zone))
        store([Message(device.pk, topic, payload, False, came)])
    for hour, result in TREATS:
        _treat(device, now().astimezone(zone), hour, result)


def _came(last: datetime) -> int:
    """When a batch arrived, in ms: with its last sample, but for the late ones."""
    late = timedelta(minutes=40) if _within(last.hour + last.minute / 60, LATE) else timedelta(0)
    return min(to_ms(last + late), to_ms(now()))


def _within(hour: float, spans: tuple[tuple[float, float], ...]) -> bool:
    return any(start <= hour < end for start, end in spans)


def _samples(start: datetime) -> Iterator[dict[str, Any]]:
    chance = random.Random(7)  # noqa: S311  (a dog's day, not a secret)
    for minute in range(MINUTES):
        at = start + timedelta(minutes=minute)
        hour = at.hour + at.minute / 60
        if _within(hour, GAPS):
            continue
        awake = 6.5 <= hour < 22.5
        active = (
            chance.randint(30, 58)
            if _within(hour, WALKS)
            else int(awake and chance.random() < 0.3) * chance.randint(3, 25)
        )
        yield {
            "seq": minute,
            "ts": to_ms(at),
            "accel_x": round(0.05 * math.sin(minute / 9) + active / 300, 3),
            "accel_y": round(-0.98 + active / 500, 3),
            "accel_z": round(0.12 * math.cos(minute / 17), 3),
            "battery_level": round(96 - minute * 0.0085, 1),
            "activity": {
                "sd_mg": 6 + active * 5,
                "odba_mg": 4 + active * 3,
                "active_s": active,
                "steps": active * 2,
            },
        }


def _treat(device: Device, today: datetime, hour: float, result: str) -> None:
    """A treat at that hour, of today or yesterday: the last one that is over."""
    at = today.replace(hour=int(hour), minute=int(hour % 1 * 60), second=10, microsecond=0)
    if at > now() - timedelta(minutes=5):
        at -= timedelta(days=1)
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
