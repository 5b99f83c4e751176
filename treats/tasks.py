"""What workers do about treats, sent by beat."""

from celery import shared_task

from treats.services import ledger


@shared_task
def expire_treats() -> None:
    """Settle treats whose time is over, even when the web process that sent them died."""
    ledger.expire_overdue()
