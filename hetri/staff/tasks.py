"""What beat has done for the dashboard."""

from celery import shared_task

from hetri.accounts import failures
from hetri.staff.hours import count_hours


@shared_task
def count_fleet_hours() -> None:
    """Count the newest hours of the fleet anew."""
    count_hours()


@shared_task
def prune_sign_in_failures() -> None:
    """Drop counts of failed sign-ins that are old."""
    failures.prune()
