"""Mail to people: written in the request, sealed, and sent by a worker after the commit.

So a request takes as long for an address that we know as for one that we do not, and a mail server that hangs holds
nobody up. A letter holds a secret link: in Redis it lies encrypted under a key of its own (docs/decisions/letters.md).
"""

import json
import logging
import threading
from datetime import timedelta

from celery import current_app
from cryptography.fernet import InvalidToken
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError

from core.encryption import fernet_for
from core.errors import Unavailable

log = logging.getLogger(__name__)
PURPOSE = b"hetri.letter"
SEND_TASK = "accounts.tasks.send_letter"
TRIED_FOR = timedelta(days=1)  # then the letter is given up: its link is stale, and the person has asked again
_sending = threading.Lock()


def post(letter: EmailMessage) -> None:
    """Have it sent once what is being written is committed. Raises Unavailable when nobody can be told of it."""
    sealed = seal(letter)
    transaction.on_commit(lambda: _hand_over(sealed))


def _hand_over(sealed: str) -> None:
    try:
        letter = current_app.signature(SEND_TASK, args=(sealed,))
        letter.apply_async(argsrepr="(sealed)", retry=False, expires=TRIED_FOR.total_seconds())
    except OperationalError as error:
        raise Unavailable(_("Mail cannot be sent just now. Try again in a moment."), code="mail_unavailable") from error


def seal(letter: EmailMessage) -> str:
    """The letter as text that only a process with our key reads."""
    told: dict[str, object] = {"subject": letter.subject, "body": letter.body, "from_email": letter.from_email}
    told |= {"to": letter.to, "headers": letter.extra_headers}
    return fernet_for(PURPOSE).encrypt(json.dumps(told).encode()).decode()


def open_sealed(sealed: str) -> EmailMessage | None:
    """The letter again; None when it is too old, or was sealed under another key."""
    try:
        told = fernet_for(PURPOSE).decrypt(sealed, ttl=int(TRIED_FOR.total_seconds()))
    except InvalidToken:
        return None
    return EmailMultiAlternatives(**json.loads(told))


def send(sealed: str) -> bool:
    """Send it, unless a letter is on its way from this process: False then, and it has to be tried again.

    One at a time, so that a mail server that hangs takes one thread of the worker and no more. A letter to nobody is
    dropped (`adapter.py`). Raises OSError when the mail server does not take it.
    """
    if not _sending.acquire(blocking=False):
        return False
    try:
        letter = open_sealed(sealed)
        if letter is None:
            log.warning("letter_given_up")
        elif letter.to:
            letter.send()
            log.info("letter_sent")
        return True
    finally:
        _sending.release()
