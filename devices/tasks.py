"""What workers do about devices: sent by beat, or for a batch of collars."""

from uuid import UUID

from celery import shared_task

from broker.registry import registry
from devices.services import batches, presence, trials


@shared_task
def mark_silent() -> None:
    """Set collars offline that nothing was heard of."""
    presence.mark_silent()


@shared_task
def tell_config_again() -> None:
    """What collars were told and have not taken over."""
    presence.tell_config_again()


@shared_task
def sync_broker() -> None:
    """Heal the broker's file when it differs from the database."""
    registry().sync()


@shared_task
def end_trials() -> None:
    """Take back what the broker was told and nobody kept."""
    trials.end_overdue()


@shared_task
def make_batch(batch_id: str, made: int) -> None:
    """One step of a batch. The next is a task of its own: a worker that is told to end need not wait for the batch."""
    batches.go_on(batch_id=UUID(batch_id), made=made)


@shared_task
def tend_batches() -> None:
    """Batches go on though a worker died; secrets that nobody asked for are forgotten."""
    batches.tend()
