"""What workers do about people."""

import logging
from typing import Any

from celery import shared_task

from accounts import letters

log = logging.getLogger(__name__)
NEXT_TURN_S, RETRY_MOST_S = 1, 600


@shared_task(name=letters.SEND_TASK, bind=True, acks_late=True, max_retries=None)
def send_letter(self: Any, sealed: str) -> None:
    """Send a sealed letter; again and again, further and further apart, while the mail server is away."""
    try:
        if letters.send(sealed):
            return
        wait_s = NEXT_TURN_S
    except OSError as error:  # SMTPException is one
        wait_s = min(2 ** min(self.request.retries + 1, 10), RETRY_MOST_S)
        log.warning("letter_waits", extra={"seconds": wait_s, "error": type(error).__name__})
    raise self.retry(countdown=wait_s, argsrepr="(sealed)")
