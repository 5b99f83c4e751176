"""Pictures of pets: whatever a phone sends comes out as a small square without metadata, or is refused.

Decoding is done by pets/decode.py, in a process of its own for each picture: see docs/decisions/pet-pictures.md.
"""

import hashlib
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from core.errors import Invalid, Unavailable
from pets.decode import MAX_BYTES, REFUSED, TOO_LARGE
from pets.models import Pet, PetPicture

log = logging.getLogger(__name__)
DECODE = [sys.executable, "-I", str(Path(__file__).with_name("decode.py"))]
WAIT_S, DEADLINE_S = 5.0, 15.0  # for one's turn, and for the picture: nginx waits 25 s for both
WAITING_MOST = 4  # beside the one that is decoded; each holds a thread, and its file
_turn, _room = threading.Lock(), threading.BoundedSemaphore(WAITING_MOST + 1)


class Busy(Unavailable):
    code = "busy"
    detail = _("Many pictures are being sent at the moment. Try again in a few seconds.")


class TooLargePicture(Invalid):
    def __init__(self) -> None:
        text = _("This picture is too large to be read. Send it as a JPEG, or smaller.")
        super().__init__({"picture": [_("too large")]}, text)


def square(file: IO[bytes]) -> bytes:
    """A WebP of 512 x 512 pixels, cut from the middle, upright, without metadata. Raises Invalid and Busy.

    One at a time in this process: it waits up to WAIT_S for its turn. The decoder is given up after DEADLINE_S.
    """
    with _one_at_a_time(), TemporaryFile() as made:
        code = _decode(file.read(MAX_BYTES + 1), made)
        if code == 0:
            made.seek(0)
            return made.read()
    if code == TOO_LARGE:
        raise TooLargePicture
    if code != REFUSED:
        log.warning("picture_decoder_ended", extra={"exit_code": code})
    raise Invalid(
        {"picture": [_("not a picture")]}, _("This is no picture that can be read. Send a JPEG, PNG or WebP.")
    )


def _decode(content: bytes, into: IO[bytes]) -> int:
    """The decoder's exit code; below zero the signal that ended it. Raises Busy."""
    try:
        done = subprocess.run(
            DECODE,
            input=content,
            stdout=into,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=DEADLINE_S,
            env={},
        )
    except (subprocess.TimeoutExpired, OSError) as error:  # a bound of CPU is lower: this machine is busy
        log.warning("picture_given_up", extra={"error": type(error).__name__})
        raise Busy from error
    return done.returncode


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Raises Busy where too many wait already, or it takes too long."""
    if not _room.acquire(blocking=False):
        raise Busy
    try:
        if not _turn.acquire(timeout=WAIT_S):
            raise Busy
        try:
            yield
        finally:
            _turn.release()
    finally:
        _room.release()


def set_picture(*, pet: Pet, file: IO[bytes]) -> Pet:
    """Give a pet its picture. Raises Invalid and Busy."""
    if not connection.in_atomic_block:
        connection.close()  # who waits for a turn holds no connection of the pool
    content = square(file)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    with transaction.atomic():
        PetPicture.objects.update_or_create(pet=pet, defaults={"content": content})
        Pet.objects.filter(pk=pet.pk).update(picture_digest=digest)
    pet.picture_digest = digest
    return pet


@transaction.atomic
def remove_picture(*, pet: Pet) -> None:
    """Back to the drawing."""
    PetPicture.objects.filter(pet=pet).delete()
    Pet.objects.filter(pk=pet.pk).update(picture_digest="")
