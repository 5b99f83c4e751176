"""All that a collar can be told: what it says, how it travels, and who takes the collar's answer (docs/protocol.md).

The collar's own table is firmware/collar/app/commands.py; broker/tests/test_commands.py holds them against each other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils.module_loading import import_string
from msgspec import Meta

Milliseconds = Annotated[int, Meta(ge=0)]  # since 1970 UTC
Text = Annotated[str, Meta(min_length=1, max_length=255)]
Port = Annotated[int, Meta(ge=1, le=65_535)]


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Anything that a collar is told."""


class Versioned(Command, frozen=True, kw_only=True):
    """One that says which version of the protocol it is of."""

    v: Literal[1] = 1


class Treat(Versioned, frozen=True, kw_only=True):
    """Throw `portion` portions, unless it is past `exp`."""

    id: UUID
    portion: Annotated[int, Meta(ge=1, le=5)]
    exp: Milliseconds


class Config(Versioned, frozen=True, kw_only=True):
    """How the collar is to be; kept by the broker."""

    version: Annotated[int, Meta(ge=1)]
    telemetry_interval_s: Annotated[int, Meta(ge=1, le=3600)]
    camera: Literal["off", "on_demand"]
    time_zone: Text


class Retire(Versioned, frozen=True, kw_only=True):
    """The collar has no settings any more; kept by the broker in their place."""

    retired: Literal[True] = True


class Time(Versioned, frozen=True, kw_only=True):
    """What time it is."""

    now: Milliseconds


class StartStream(Versioned, frozen=True, kw_only=True):
    """Publish the camera's picture there, for `lease_s` from now on, or go on with it."""

    id: UUID
    action: Literal["start"] = "start"
    host: Text
    port: Port
    app: Text
    name: Text
    key: Text
    lease_s: Annotated[int, Meta(ge=1)]
    width: Annotated[int, Meta(ge=1)]
    height: Annotated[int, Meta(ge=1)]
    fps: Annotated[int, Meta(ge=1)]


class StopStream(Versioned, frozen=True, kw_only=True):
    """Stop the run `id`."""

    id: UUID
    action: Literal["stop"] = "stop"


class InstallUpdate(Versioned, frozen=True, kw_only=True):
    """Fetch another program there, and start it."""

    job: UUID
    action: Literal["install"] = "install"
    version: Text
    host: Text
    port: Port
    path: Text


class CancelUpdate(Versioned, frozen=True, kw_only=True):
    """Leave the update `job`, if it is not started yet."""

    job: UUID
    action: Literal["cancel"] = "cancel"


class Acknowledgement(Command, frozen=True, kw_only=True):
    """A batch of telemetry is committed: that many samples were stored, that many refused."""

    boot: str
    batch: int
    stored: int
    rejected: int


@dataclass(frozen=True)
class Answer:
    """What a collar says became of the command `id`; `reason` may be empty. `at` is when we heard it."""

    device_id: UUID
    id: UUID
    result: str
    reason: str
    at: datetime


Taker = Callable[[Answer], None]


@dataclass(frozen=True)
class Delivery:
    """How a command travels. `expiry` names the setting that says after how many seconds the broker drops it.

    `answered_to` is the path of a Taker, called in the transaction of the answer; empty when the collar answers by
    what it reports, or not at all.
    """

    name: str
    qos: Literal[0, 1] = 1
    retain: bool = False
    expiry: str = ""
    answered_to: str = ""

    @property
    def expiry_s(self) -> int | None:
        """Seconds, or None for ever."""
        return int(getattr(settings, self.expiry)) if self.expiry else None


DELIVERIES: dict[type[Command], Delivery] = {
    Treat: Delivery("treat", expiry="TREAT_EXPIRY_S", answered_to="treats.services.ledger.take_answer"),
    Config: Delivery("config", retain=True),
    Retire: Delivery("config", retain=True),
    Time: Delivery("time", qos=0),
    StartStream: Delivery("stream", expiry="STREAM_START_S", answered_to="streaming.services.streams.take_answer"),
    StopStream: Delivery("stream", expiry="STREAM_START_S"),
    InstallUpdate: Delivery("update"),
    CancelUpdate: Delivery("update"),
    Acknowledgement: Delivery("ack"),
}
PLANNED = ("plan", "watch", "find", "motion")  # collars may listen to these already
NAMES = (*dict.fromkeys(delivery.name for delivery in DELIVERIES.values()), *PLANNED)


def encode(command: Command) -> bytes:
    """The command as JSON. Raises msgspec.ValidationError for what is out of bounds: it never leaves us."""
    body = msgspec.json.encode(command)
    msgspec.json.decode(body, type=type(command))
    return body


@cache
def taker_of(name: str) -> Taker:
    """Who takes the answers to commands of this name. Raises KeyError when nobody does."""
    paths = {delivery.name: delivery.answered_to for delivery in DELIVERIES.values() if delivery.answered_to}
    taker: Taker = import_string(paths[name])
    return taker
