"""Releases come in as drafts."""

import json

from django.db import IntegrityError, transaction
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict
from firmware.models import Release
from firmware.packing import Pack


def add(*, packed: Pack, notes: str = "") -> Release:
    """Keep a packed program as a draft. Raises Conflict when there is such a release."""
    told = json.loads(packed.manifest)
    try:
        with transaction.atomic():
            return Release.objects.create(
                version=told["version"],
                board=told["board"],
                notes=notes,
                manifest=packed.manifest,
                signature=packed.signature,
                program=packed.program,
                size=len(packed.program),
            )
    except IntegrityError as error:
        words = _("There is a release {version} for {board}. Withdraw it, or take the next version.")
        text = format_lazy(words, version=told["version"], board=told["board"])
        raise Conflict(text, code="exists") from error
