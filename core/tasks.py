"""Tasks of no room in particular."""

from celery import shared_task

from core.heartbeat import beat


@shared_task
def heartbeat() -> None:
    """Show that the worker takes tasks."""
    beat("worker")
