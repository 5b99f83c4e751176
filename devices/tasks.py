"""What beat has done about devices."""

from celery import shared_task

from devices.mqtt.registry import registry
from devices.services import presence, treats


@shared_task
def expire_treats() -> None:
    """Settle treats whose time is over, even when the web process that sent them died."""
    treats.expire_overdue()


@shared_task
def mark_silent() -> None:
    """Set collars offline that nothing was heard of."""
    presence.mark_silent()


@shared_task
def sync_broker() -> None:
    """Heal the broker's file when it differs from the database."""
    registry().sync()
