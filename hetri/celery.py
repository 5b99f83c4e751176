"""The Celery application. `celery -A hetri worker --mqtt -P solo -Q ingest` is the ingest process.

A worker's metrics carry the first half of its name: `-n ingest@%h`.
"""

import os
import warnings
from typing import Any

from celery import Celery, bootsteps
from celery.app.amqp import AMQP
from celery.exceptions import SecurityWarning
from celery.signals import beat_init, setup_logging, task_postrun, worker_init
from click import Option
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
app.user_options["worker"].add(
    Option(("--mqtt",), is_flag=True, default=False, help="Run the MQTT subscriber in this worker.")
)


class MqttStep(bootsteps.StartStopStep):
    """Starts one subscriber in a worker with --mqtt, and stops it with the worker."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, mqtt: bool = False, **options: Any) -> None:
        super().__init__(parent, **options)
        self.enabled = mqtt

    def include_if(self, parent: Any) -> bool:
        """Ordinary workers are left alone."""
        return self.enabled

    def create(self, parent: Any) -> Any:
        """The step's thing to start and stop."""
        from hetri.ingest import Ingest

        return Ingest()


app.steps["worker"].add(MqttStep)


@setup_logging.connect
def _leave_logging_to_django(**about: Any) -> None:
    """Celery sets no levels and no handlers of its own where somebody hears this."""


@worker_init.connect
def _serve_worker(sender: Any, **about: Any) -> None:
    from core import heartbeat, metrics

    name = str(sender.hostname).partition("@")[0]
    metrics.serve(name)
    if name == "worker":  # ingest's own threads do its work: hetri/ingest.py
        tasks = heartbeat.Tasks()
        task_postrun.connect(tasks.note_end, weak=False)
        heartbeat.live_forever(name, moves=tasks.flow)


@beat_init.connect
def _serve_beat(**about: Any) -> None:
    """There is one beat, and it has time: it also tells the facts that belong to no process."""
    from core import heartbeat, metrics
    from hetri.collectors import Facts

    metrics.serve("beat", Facts())
    heartbeat.live_forever("beat")
