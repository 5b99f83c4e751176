"""Lines of the audit trail for what staff do without changing a row; triggers write all the others."""

from typing import Any
from uuid import UUID

from django.db.models import Model

from accounts.models import User
from core import audit, logs
from core.redaction import masked
from staff.models import AuditLine

FILTER_MOST = 500  # characters


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


def on_export(sender: type[Model], *, by: User, rows: int, asked: dict[str, Any], **kwargs: Any) -> None:
    """Receiver of core's `exporting`: who took which list, how filtered, how many rows. An address stays masked."""
    said = [f"{name}={value}" for name, values in sorted(asked.items()) for value in _texts(values) if value]
    told = {"list": sender._meta.label_lower, "rows": rows, "filter": " ".join(said)[:FILTER_MOST]}
    changes = {name: [None, value] for name, value in told.items()}
    record(by=by, action="export", subject="list", subject_id=by.pk, changes=changes)


def _texts(values: Any) -> list[str]:
    texts = values if isinstance(values, list) else [values]
    return [masked(text) if "@" in text else text for text in texts]
