"""What beat has done for the dashboard, and for the whole house."""

import logging

from celery import shared_task

from accounts import pruning as of_people
from devices.services import pruning as of_collars
from staff.fleet_stats import count_hours
from streaming.services import pruning as of_streams
from treats.services import pruning as of_treats

log = logging.getLogger(__name__)


@shared_task
def count_fleet_hours() -> None:
    """Count the newest hours of the fleet anew."""
    count_hours()


@shared_task
def prune() -> None:
    """Drop what is over. What bounds each table is listed by the test that knows them all (test_growth.py)."""
    for room in (of_people, of_streams, of_treats, of_collars):
        dropped = {name: count for name, count in room.prune().items() if count}
        if dropped:
            log.info("pruned", extra=dropped)
