"""The Celery application. `celery -A hetri worker --mqtt -P solo -Q ingest` is the ingest process."""

import os
from typing import Any

from celery import Celery, bootsteps
from click import Option

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hetri.settings")

app = Celery("hetri")
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
