"""What workers do about batches: a step each, and what beat looks after."""

from uuid import UUID

from celery import shared_task

from provisioning.services import batches


@shared_task(name=batches.STEP_TASK)
def make_batch(batch_id: str, made: int) -> None:
    """One step of a batch. The next is a task of its own: a worker that is told to end need not wait for the batch."""
    batches.run_step(batch_id=UUID(batch_id), made=made)


@shared_task
def resume_stalled_batches() -> None:
    """Batches go on though a worker died; secrets that nobody asked for are forgotten."""
    batches.resume_stalled()
