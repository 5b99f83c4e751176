"""A collar that sends too much is kept out of the broker for a while, and comes back by itself."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Q

from broker.messages import Message
from broker.registry import registry
from core import metrics
from core.errors import Unavailable
from core.times import now
from devices.models import Device
from devices.services.presence import mark_cut

log = logging.getLogger(__name__)


def suspend(message: Message, why: str) -> None:
    """Cut the session of who sent `message`, and let it in again after SUSPEND_S, at the next sync of the broker.

    Nothing happens to a collar that is suspended already. When the broker does not act on it now, the sync does.
    """
    at = now()
    here = Device.objects.in_use().filter(Q(suspended_until=None) | Q(suspended_until__lte=at), pk=message.device_id)
    until = at + timedelta(seconds=settings.SUSPEND_S)
    with transaction.atomic():
        if not here.update(suspended_until=until, suspended_for=why):
            return
        mark_cut(device_id=message.device_id)
    metrics.CUT.inc()
    log.warning("collar_suspended", extra={"device": message.device_id, "reason": why, "until": until})
    try:
        registry().remove(str(message.device_id))
    except (Unavailable, OperationalError) as error:
        log.warning("suspension_waits", extra={"device": message.device_id, "error": str(error)})
