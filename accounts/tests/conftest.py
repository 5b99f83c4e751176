"""Letters of a test, which no worker of another one may send."""

from collections.abc import Iterator

import pytest
from django.core import mail
from django.core.mail import EmailMessage

from hetri.celery import app


@pytest.fixture
def outbox() -> Iterator[list[EmailMessage]]:
    """What was sent: tasks are done in this process (test_letters has a real worker)."""
    app.loader.import_default_modules()  # as a worker does
    app.conf.task_always_eager = True
    yield mail.outbox
    app.conf.task_always_eager = False
