"""What firmware does when a collar comes online, is retired, or says how an update stands."""

from typing import Any
from uuid import UUID

from devices.signals import access_changed, came_online, update_reported
from firmware.services import jobs, rollouts, wishes


def _on_online(sender: object, device_id: UUID, **kwargs: Any) -> None:
    wishes.reconcile(device_id=device_id, try_again=True)


def _on_report(sender: object, device_id: UUID, job_id: UUID, **kwargs: Any) -> None:
    said = {name: kwargs[name] for name in ("state", "reason", "at")}
    ended = jobs.record_report(device_id=device_id, job_id=job_id, **said)
    if ended is None:
        return
    if ended.state in jobs.BAD_ENDS:
        rollouts.watch(release_id=ended.release_id)
    wishes.reconcile(device_id=device_id, try_again=False)


def _on_access(sender: object, device_id: UUID, **kwargs: Any) -> None:
    wishes.end_of_retired(device_id=device_id)


def connect() -> None:
    """Hear from devices."""
    came_online.connect(_on_online)
    update_reported.connect(_on_report)
    access_changed.connect(_on_access)
