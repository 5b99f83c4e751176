"""What workers do about devices, sent by beat."""

from celery import shared_task

from broker.registry import registry
from devices.services import presence, trials


@shared_task
def mark_silent() -> None:
    """Set collars offline that nothing was heard of."""
    presence.mark_silent()


@shared_task
def publish_config_again() -> None:
    """What collars were sent and do not report."""
    presence.publish_config_again()


@shared_task
def sync_broker() -> None:
    """Heal the broker's file when it differs from the database."""
    registry().sync()


@shared_task
def end_trials() -> None:
    """Take back what the broker was told and nobody kept."""
    trials.end_overdue()
