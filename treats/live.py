"""What is pushed to pages and sockets about treats; always after commit."""

from uuid import UUID

from devices.live import push_after_commit
from treats.models import TreatEvent
from treats.presenters import treat_resource


def push_treat(event: TreatEvent, owner_id: UUID | None) -> None:
    """A treat was made or moved on; a request that waits for this treat wakes up."""
    address = {"device": event.device_id, "user": owner_id, "treat": event.pk}
    push_after_commit({"type": "treat", **address, "data": treat_resource(event)})
