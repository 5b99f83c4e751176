"""What beat has done for the dashboard."""

from celery import shared_task

from hetri.staff.dashboard import count_hours


@shared_task
def count_fleet_hours() -> None:
    """Count the newest hours of the fleet anew."""
    count_hours()
