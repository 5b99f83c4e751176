"""What staff do to collars: a service call tried on every chosen collar, and a line on what became of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import OperationalError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.errors import ApiError, Conflict, Unavailable
from devices.errors import Retired
from devices.models import Device
from devices.services import claims, ownership
from devices.services.configuration import publish_config
from staff.audit_log import record
from streaming.models import StreamSession
from streaming.services import streams
from treats.models import TreatEvent
from treats.services.ledger import send_treat

MOST = 100  # collars an action takes at a time


@dataclass(frozen=True)
class Line:
    """What an action did to one collar: done, skipped or failed, and why.

    `secret`, a password or a claim code, is shown this once.
    """

    device: Device
    outcome: str
    words: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class Action:
    """`ends` says what the collar loses, for the page that asks."""

    name: str
    label: str
    ends: str
    run: Callable[[Device, User], tuple[str, str]]


def _rotate(device: Device, by: User) -> tuple[str, str]:
    return "It has a new password.", ownership.rotate(device=device).password


def _retire(device: Device, by: User) -> tuple[str, str]:
    ownership.retire(device=device)
    return "Its access has ended.", ""


def _restore(device: Device, by: User) -> tuple[str, str]:
    return "It may connect again, with a new password.", ownership.restore(device=device).password


def _claim_code(device: Device, by: User) -> tuple[str, str]:
    return "Whoever has this code can claim it.", claims.issue_claim_code(device=device)


def _send_config(device: Device, by: User) -> tuple[str, str]:
    if device.retired_at is not None:
        raise Retired
    with transaction.atomic():
        told = {"config_version": [device.config_version, device.config_version]}
        record(by=by, action="send", subject="device", subject_id=device.pk, device_id=device.pk, changes=told)
        publish_config(device)
    return f"Version {device.config_version} is on its way.", ""


def _treat(device: Device, by: User) -> tuple[str, str]:
    event = send_treat(device=device, by=by, source=TreatEvent.Source.STAFF)
    return f"Treat {event.pk} is on its way.", ""


def _end_stream(device: Device, by: User) -> tuple[str, str]:
    stream = streams.open_stream(device)
    if stream is None or not streams.end_stream(stream=stream, reason=StreamSession.Reason.STAFF):
        raise Conflict(_("It does not stream."), code="not_streaming")
    return "Its camera is told to stop; nobody sees its picture any more.", ""


ACTIONS = {
    action.name: action
    for action in (
        Action("send_config", "Send config", "Nothing ends. The collar is told its config again.", _send_config),
        Action("treat", "Test treat", "One portion, in the ledger as staff, out of the pet's budget.", _treat),
        Action(
            "end_stream",
            "End stream",
            "The picture ends for whoever watches now. The owner may ask for it again.",
            _end_stream,
        ),
        Action(
            "rotate",
            "Rotate password",
            "The collar's password and its connection end. It comes back with the new password only.",
            _rotate,
        ),
        Action(
            "claim_code",
            "New claim code",
            "The claim code before ends. Only for a collar that is nobody's; an owner hands theirs over.",
            _claim_code,
        ),
        Action("retire", "Retire", "Broker access ends. History stays.", _retire),
        Action("restore", "Restore", "Nothing ends. A retired collar may connect again.", _restore),
    )
}
# The state says no; nothing went wrong.
NOT_TRIED = "Not tried, since a part of Hetri is down."
SKIPPED = {"retired", "not_retired", "offline", "too_soon", "budget_spent", "not_streaming", "owned"}


def act(action: Action, devices: list[Device], by: User) -> list[Line]:
    """Try the action on each; one that fails keeps nobody else from it.

    A part that is down fails the others, too, after seconds each: they are left alone, and what is done is shown.
    """
    lines: list[Line] = []
    is_down = False
    for device in devices:
        line, is_down = (Line(device, "skipped", NOT_TRIED), True) if is_down else _try(action, device, by)
        lines.append(line)
    return lines


def _try(action: Action, device: Device, by: User) -> tuple[Line, bool]:
    """What became of one, and whether a part is down."""
    try:
        words, secret = action.run(device, by)
    except (ApiError, OperationalError) as error:
        refused = error if isinstance(error, ApiError) else Unavailable(_("The database is away. Look what was done."))
        outcome = "skipped" if refused.code in SKIPPED else "failed"
        return Line(device, outcome, str(refused)), isinstance(refused, Unavailable)
    return Line(device, "done", words, secret), False
