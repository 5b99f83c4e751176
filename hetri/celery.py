"""The Celery application: the worker and beat."""

import os
import warnings
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from celery.exceptions import SecurityWarning
from celery.signals import beat_init, setup_logging, task_postrun, worker_init
from kombu import Connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hetri.settings")

# It warns root of pickled tasks, in five lines that are no log: ours are JSON only.
warnings.simplefilter("ignore", SecurityWarning)


class PromptConnection(Connection):
    """Tries again within a second of Redis' return; kombu's pauses grow to 30 s."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        """As kombu's."""
        prompt = {"interval_start": 0.2, "interval_step": 0.2, "interval_max": 1.0}
        return super().ensure_connection(*args, **{**prompt, **options})


class PromptAMQP(AMQP):
    Connection = PromptConnection


app = Celery("hetri", amqp=PromptAMQP)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _leave_logging_to_django(**about: Any) -> None:
    """Celery sets no levels and no handlers of its own where somebody hears this."""


@worker_init.connect
def _serve_worker(**about: Any) -> None:
    from core import heartbeat, metrics

    metrics.serve("worker")
    tasks = heartbeat.Tasks()
    task_postrun.connect(tasks.note_end, weak=False)
    heartbeat.live_forever("worker", moves=tasks.flow)


@beat_init.connect
def _serve_beat(**about: Any) -> None:
    """There is one beat, and it has time: it also tells the facts that belong to no process."""
    from core import heartbeat, metrics
    from hetri.collectors import Facts

    metrics.serve("beat", Facts())
    heartbeat.live_forever("beat")
