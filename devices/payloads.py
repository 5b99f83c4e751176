"""What collars write on `devices/{id}/status`.

What a message is for (`online`, `command`, `update`) and its optional facts are read apart: a fact of another shape is
set aside with its reason, and costs nothing else. Unknown keys are ignored.
"""

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from core.numbers import read_integer, whole

T = TypeVar("T")
MAX_BYTES = 16_384
BOARD_LENGTH_MOST = 32


class BadPayload(ValueError):
    """A message that is set aside; the text says why."""


class CommandResult(msgspec.Struct):
    """What became of a command."""

    id: UUID
    result: Literal["accepted", "dispensed", "jammed", "empty", "expired", "failed", "unsupported"]
    reason: str | None = None


class Update(msgspec.Struct):
    """How an update stands."""

    job: UUID
    state: Literal["waiting", "downloading", "installed", "confirmed", "failed", "rolled_back"]
    reason: str | None = None


class Hardware(msgspec.Struct, frozen=True):
    """What a collar has. One that does not say has everything, and its board is unknown: older programs."""

    board: str = ""
    camera: bool = True
    dispenser: bool = True


class Status(msgspec.Struct):
    """Presence (`online` is set), a command's result (`command`) or an update's step (`update`).

    `reported` holds the facts that it states, as they are kept on the device; `faults` what was set aside, and why.
    """

    online: bool | None
    command: CommandResult | None
    update: Update | None
    hardware: Hardware | None
    reported: dict[str, object]
    faults: list[str]


Reason = Annotated[str, Meta(max_length=32)]
FACTS: dict[str, Any] = {
    "boot": Annotated[str, Meta(max_length=8)],
    "firmware": Annotated[str, Meta(max_length=32)],
    "battery_level": Annotated[float, Meta(ge=0, le=100)],
    "rssi": Annotated[int, Meta(ge=-200, le=100)],
    "treats_left": Annotated[int, Meta(ge=0, le=100_000)],
    "streaming": bool,
    "config_version": Annotated[int, Meta(ge=0, le=2**31)],
    "ip": Annotated[str, Meta(max_length=45)],
}
HARDWARE_PARTS: dict[str, Any] = {
    "board": Annotated[str, Meta(max_length=BOARD_LENGTH_MOST)],
    "camera": bool,
    "dispenser": bool,
}


def parse_status(payload: bytes) -> Status:
    """Read a status message. Raises BadPayload when nothing in it says what it is for."""
    raw = _object(payload)
    version = whole(raw.get("v"))
    if type(version) is not int or version != 1:
        raise BadPayload("bad_version")
    faults: list[str] = []
    online = _fact(raw, "online", bool, faults)
    command = _part(raw, "command", _command, faults)
    update = _part(raw, "update", _update, faults)
    hardware = _part(raw, "hardware", _hardware, faults)
    stated = {name: _fact(raw, name, kind, faults) for name, kind in FACTS.items()}
    if online is None and command is None and update is None:
        raise BadPayload(set_aside(faults) or "neither_presence_nor_result")
    reported = {name: value for name, value in stated.items() if value is not None}
    return Status(online, command, update, hardware, reported, faults)


def set_aside(faults: list[str]) -> str:
    """All of a message's faults in one line, to be kept as its reason; empty without one."""
    return "; ".join(faults)[:200]


def _object(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_BYTES:
        raise BadPayload("too_large")
    try:
        raw = json.loads(payload.decode(), parse_int=read_integer)
    except UnicodeDecodeError as error:
        raise BadPayload("bad_encoding: not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"bad_json: {error}"[:200]) from error
    if not isinstance(raw, dict):
        raise BadPayload("bad_type: message")
    return raw


def _fact(raw: dict[str, Any], name: str, kind: Any, faults: list[str], within: str = "") -> Any:
    """The value, or None when it is absent or set aside."""
    value = raw.get(name)
    if value is None:
        return None
    try:
        found = msgspec.convert(whole(value), kind)
    except (msgspec.ValidationError, UnicodeError) as error:  # half a surrogate pair is no text
        faults.append(f"bad_value: {within}{name}: {error}")
        return None
    if isinstance(found, str) and not found.isprintable():
        faults.append(f"bad_text: {within}{name}")
        return None
    return found


def _part(
    raw: dict[str, Any], name: str, read: Callable[[dict[str, Any], list[str]], T | None], faults: list[str]
) -> T | None:
    """An object of its own, or None when it is absent or set aside."""
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        faults.append(f"bad_type: {name}")
        return None
    return read(value, faults)


def _id(raw: dict[str, Any], name: str, faults: list[str], within: str) -> UUID | None:
    """A UUID in any of its spellings."""
    try:
        return UUID(raw[name])
    except (KeyError, ValueError, TypeError, AttributeError):
        faults.append(f"bad_value: {within}{name}: no UUID")
        return None


def _command(raw: dict[str, Any], faults: list[str]) -> CommandResult | None:
    command_id = _id(raw, "id", faults, "command.")
    result = _stated(raw, "result", CommandResult, faults, "command.")
    reason = _fact(raw, "reason", Reason, faults, "command.")
    return CommandResult(command_id, result, reason) if command_id and result else None


def _update(raw: dict[str, Any], faults: list[str]) -> Update | None:
    job = _id(raw, "job", faults, "update.")
    state = _stated(raw, "state", Update, faults, "update.")
    reason = _fact(raw, "reason", Reason, faults, "update.")
    return Update(job, state, reason) if job and state else None


def _stated(raw: dict[str, Any], name: str, struct: type[msgspec.Struct], faults: list[str], within: str) -> Any:
    """A word that may not be missing, one of those that the struct knows."""
    if raw.get(name) is None:
        faults.append(f"missing: {within}{name}")
    return _fact(raw, name, struct.__annotations__[name], faults, within)


def _hardware(raw: dict[str, Any], faults: list[str]) -> Hardware:
    parts = {name: _fact(raw, name, kind, faults, "hardware.") for name, kind in HARDWARE_PARTS.items()}
    return Hardware(**{name: value for name, value in parts.items() if value is not None})
