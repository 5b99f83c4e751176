"""What a collar is told to do: ranges and defaults (docs/protocol.md, cmd/config)."""

from typing import TypedDict

INTERVAL_MIN_S, INTERVAL_MAX_S, INTERVAL_DEFAULT_S = 1, 3600, 60
CAMERA_CHOICES = ("off", "on_demand")


class Config(TypedDict):
    """The desired state of a collar."""

    telemetry_interval_s: int
    camera: str
    time_zone: str


def default_config(time_zone: str = "UTC") -> Config:
    """What a new collar starts with."""
    return {"telemetry_interval_s": INTERVAL_DEFAULT_S, "camera": "on_demand", "time_zone": time_zone}


def new_config() -> dict[str, object]:
    """`default_config` as a model field's default."""
    return dict(default_config())
