"""Treats as plain dicts: the same shape in the API, on the WebSocket and for the pages."""

from typing import Any

from core.times import iso
from treats.models import TreatEvent


def treat_dict(event: TreatEvent) -> dict[str, Any]:
    """A row of the ledger."""
    return {
        "id": str(event.pk),
        "device": str(event.device_id),
        "triggered_by": event.triggered_by_id and str(event.triggered_by_id),
        "event_time": iso(event.event_time),
        "result": str(event.result),
        "portion": event.portion,
        "source": str(event.source),
        "delivered_at": iso(event.delivered_at),
        "settled_at": iso(event.settled_at),
    }
