"""Tasks of no room in particular."""

from celery import shared_task

from core import clock, idempotency
from core.heartbeat import beat


@shared_task
def heartbeat() -> None:
    """Show that the worker takes tasks."""
    beat("worker")


@shared_task
def forget_answers() -> int:
    """Secrets of kept answers go after their minute, the keys after their day."""
    return idempotency.forget_answers()


@shared_task
def note_time() -> None:
    """Keep the latest time that this server has seen."""
    clock.note_time()
