"""What collars write on `devices/{id}/status`, read strictly: unknown keys are ignored, wrong types refused."""

from typing import Literal
from uuid import UUID

import msgspec

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
    """Presence (`online` is set), a command's result (`command`) or an update's step (`update`)."""

    v: Literal[1]
    online: bool | None = None
    command: CommandResult | None = None
    update: Update | None = None
    boot: str | None = None
    firmware: str | None = None
    battery_level: float | None = None
    rssi: int | None = None
    treats_left: int | None = None
    streaming: bool | None = None
    config_version: int | None = None
    ip: str | None = None
    hardware: Hardware | None = None

    def reported(self) -> dict[str, object]:
        """The facts that the message states, as they are kept on the device."""
        names = (
            "boot",
            "firmware",
            "battery_level",
            "rssi",
            "treats_left",
            "streaming",
            "config_version",
            "ip",
        )
        return {name: value for name in names if (value := getattr(self, name)) is not None}


_decoder = msgspec.json.Decoder(Status)
_RANGES = {
    "battery_level": (0, 100),
    "rssi": (-200, 100),
    "treats_left": (0, 100_000),
    "config_version": (0, 2**31),
}
_LENGTHS = {"boot": 8, "firmware": 32, "ip": 45}


def parse_status(payload: bytes) -> Status:
    """Read a status message. Raises BadPayload."""
    if len(payload) > MAX_BYTES:
        raise BadPayload("too_large")
    try:
        text = payload.decode()  # msgspec skips over bytes that are not UTF-8 under unknown keys
    except UnicodeDecodeError as error:
        raise BadPayload("bad_encoding: not UTF-8") from error
    try:
        status = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadPayload(f"bad_status: {error}"[:200]) from error
    for name, (low, high) in _RANGES.items():
        value = getattr(status, name)
        if value is not None and not low <= value <= high:
            raise BadPayload(f"out_of_range: {name}")
    for name, length in _LENGTHS.items():
        said = getattr(status, name)
        if said is not None and (len(said) > length or not said.isprintable()):
            raise BadPayload(f"bad_text: {name}")
    if status.update and (reason := status.update.reason) and (len(reason) > 32 or not reason.isprintable()):
        raise BadPayload("bad_text: reason")
    if (hardware := status.hardware) and (len(hardware.board) > BOARD_LENGTH_MOST or not hardware.board.isprintable()):
        raise BadPayload("bad_text: board")
    if status.online is None and status.command is None and status.update is None:
        raise BadPayload("neither_presence_nor_result")
    return status
