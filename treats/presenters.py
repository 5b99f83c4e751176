"""Treats as the API, the WebSocket and the pages show them."""

from typing import Annotated, TypedDict

from core.resources import Moment, Uuid, choice
from core.times import iso
from treats.models import TreatEvent


class TreatResource(TypedDict):
    """A row of the ledger."""

    id: Uuid
    device: Uuid
    triggered_by: Uuid | None
    event_time: Moment
    result: Annotated[str, choice(*TreatEvent.Result.choices)]
    portion: int
    source: Annotated[str, choice(*TreatEvent.Source.choices)]
    delivered_at: Moment | None
    settled_at: Moment | None


def treat_resource(event: TreatEvent) -> TreatResource:
    """A row of the ledger."""
    return {
        "id": str(event.pk),
        "device": str(event.device_id),
        "triggered_by": str(event.triggered_by_id) if event.triggered_by_id else None,
        "event_time": iso(event.event_time),
        "result": str(event.result),
        "portion": event.portion,
        "source": str(event.source),
        "delivered_at": iso(event.delivered_at),
        "settled_at": iso(event.settled_at),
    }
