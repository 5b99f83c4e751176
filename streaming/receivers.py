"""What streaming does when a session ends, or a collar changes hands.

Each is soon rather than first: the keeper comes to the same end within a second.
"""

from typing import Any
from uuid import UUID

from accounts.signals import sessions_ended
from core.times import now
from devices.signals import access_changed
from streaming.services import viewings


def _on_sessions_ended(sender: object, session_ids: list[UUID], **kwargs: Any) -> None:
    for viewing in viewings.open_viewings().filter(session__in=session_ids):
        viewings.end_viewing(viewing=viewing)


def _on_access_changed(sender: object, device_id: UUID, **kwargs: Any) -> None:
    at = now()
    for viewing in viewings.open_viewings().filter(stream__device=device_id):
        if not viewings.may_go_on(viewing, at):
            viewings.end_viewing(viewing=viewing)


def connect() -> None:
    """Hear from accounts and devices."""
    sessions_ended.connect(_on_sessions_ended)
    access_changed.connect(_on_access_changed)
