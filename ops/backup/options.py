"""What the environment says about backups (`.env.example` explains each), and the reason for a refusal."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOUR_S = 3600


class Refused(Exception):
    """What a person has to mend first, in one line."""


@dataclass(frozen=True)
class Options:
    """`folder` holds the backups, `cluster` the database's files; with `every_s` 0 nothing is made by itself."""

    folder: Path
    var: Path
    cluster: Path
    url: str
    every_s: float
    keep: int
    broker: tuple[str, int]
    secrets: tuple[str, ...]
    quick: bool  # tests do not wait for the disk

    @property
    def told(self) -> Path:
        """Where others read when it last went well: the backups themselves are nobody else's."""
        return self.var / "backup"


def read(env: Mapping[str, str]) -> Options:
    """Read them. Raises Refused when one is missing or no number."""
    try:
        var = Path(env["HETRI_VAR"])
        return Options(
            folder=Path(env.get("HETRI_BACKUP_DIR") or var / "backups"),
            var=var,
            cluster=Path(env.get("HETRI_CLUSTER_DIR") or var / "postgres"),
            url=env["HETRI_BACKUP_URL"],
            every_s=float(env.get("HETRI_BACKUP_EVERY_H") or 0) * HOUR_S,
            keep=max(1, int(env.get("HETRI_BACKUP_KEEP") or 7)),
            broker=(env.get("HETRI_MQTT_HOST") or "127.0.0.1", int(env.get("HETRI_MQTT_PORT") or 1883)),
            secrets=(env.get("HETRI_SECRET_KEY", ""), env.get("HETRI_CLAIM_KEY", "")),
            quick=bool(env.get("HETRI_QUICK_DISK")),
        )
    except KeyError as missing:
        raise Refused(f"{missing.args[0]} is not set.") from None
    except ValueError as error:
        raise Refused(f"A setting of the backups is no number: {error}.") from None
