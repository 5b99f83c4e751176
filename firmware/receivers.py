"""What firmware does when a collar comes online, or says how an update stands."""

from typing import Any
from uuid import UUID

from devices.signals import came_online, update_reported
from firmware.services import jobs, rollouts


def _on_online(sender: object, device_id: UUID, **kwargs: Any) -> None:
    jobs.offer_again(device_id=device_id)


def _on_report(sender: object, device_id: UUID, job_id: UUID, **kwargs: Any) -> None:
    said = {name: kwargs[name] for name in ("state", "reason", "at")}
    release = jobs.record_report(device_id=device_id, job_id=job_id, **said)
    if release is not None:
        rollouts.watch(release_id=release)


def connect() -> None:
    """Hear from devices."""
    came_online.connect(_on_online)
    update_reported.connect(_on_report)
