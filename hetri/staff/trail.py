"""Lines of the audit trail for what staff do without changing a row; triggers write all the others."""

from typing import Any
from uuid import UUID

from hetri.accounts.models import User
from hetri.core import audit, logs
from hetri.staff.models import AuditLine


def record(*, by: User, action: str, subject: str, subject_id: UUID, changes: dict[str, Any], **more: Any) -> None:
    """Write one line into the transaction that is open; `more` is device_id and reason, where there are any."""
    AuditLine.objects.create(
        actor_id=by.pk,
        door=audit.door.get(),
        request_id=logs.request_id.get(),
        action=action,
        subject=subject,
        subject_id=subject_id,
        changes=changes,
        **more,
    )
