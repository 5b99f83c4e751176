"""What beat has done about telemetry."""

from celery import shared_task

from telemetry import partitions
from telemetry.services import rollups


@shared_task
def make_partitions() -> None:
    """Make the partitions of the coming days, drop what is past the retention."""
    partitions.make_ahead()
    partitions.drop_expired()
    rollups.prune()
