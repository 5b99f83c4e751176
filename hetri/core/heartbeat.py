"""A file that a process touches while it is well; its age is its health (docs/operations.md)."""

import threading
from collections.abc import Callable
from typing import Any

from celery.beat import PersistentScheduler
from django.conf import settings

from hetri.core import metrics

EVERY_S = 2.0


def beat(name: str) -> None:
    """Touch the file of `name` once, and note it for the metrics."""
    metrics.HEARTBEAT.labels(name).set_to_current_time()
    folder = settings.VAR_DIR / "heartbeat"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()


def beat_forever(name: str, well: Callable[[], bool] = lambda: True, stop: threading.Event | None = None) -> None:
    """Touch the file every EVERY_S while `well()`, from a thread that dies with the process."""
    stopping = stop or threading.Event()

    def run() -> None:
        while not stopping.is_set():
            if well():
                beat(name)
            stopping.wait(EVERY_S)

    threading.Thread(target=run, name=f"heartbeat-{name}", daemon=True).start()


class TickingScheduler(PersistentScheduler):
    """Celery's scheduler; each tick is a heartbeat."""

    def tick(self, *args: Any, **options: Any) -> float:
        """Send what is due; returns the seconds until the next tick."""
        pause: float = super().tick(*args, **options)
        beat("beat")
        return pause
