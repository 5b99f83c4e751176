"""Status messages from collars: all that waits of one collar in one transaction, presence folded to the newest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from broker.commands import Answer
from broker.messages import Message, Refused
from devices.models import Device
from devices.payloads import BadPayload, Hardware, Status, parse_status, set_aside
from devices.services.commands import route_answer
from devices.services.presence import facts_when_gone, record_presence, record_report
from devices.signals import came_online, update_reported


@dataclass
class Word:
    """What one message says, or several presences together: `reported` holds the newest of each fact."""

    message: Message
    status: Status
    reported: dict[str, object]

    @property
    def is_presence(self) -> bool:
        """Whether it says nothing but that the collar is there, or gone."""
        return self.status.online is not None and self.status.command is None and self.status.update is None

    def takes_up(self, before: "Word") -> bool:
        """Fold the presence before it into this one. An offline one does not swallow when the collar was heard."""
        if not (self.is_presence and before.is_presence) or self.message.retained != before.message.retained:
            return False
        if before.status.online and not self.status.online:
            return False
        self.reported = {**before.reported, **self.reported}
        return True


def handle_status(message: Message) -> str | None:
    """Take over one status message. Returns why it is to be set aside, or None when it was good."""
    return next((why for _, why in handle_statuses([message])), None)


@transaction.atomic
def handle_statuses(messages: Sequence[Message]) -> list[Refused]:
    """Take over status messages of one collar, the oldest first. Returns those to be set aside, with the reason.

    A message that is good but for some facts is both: taken over, and returned with what is wrong with those.
    Presence is folded: what a run of them says in the end is written, greeted and pushed once.
    """
    words, refused = _read(messages)
    for word in _folded(words):
        if not _take_over(word):
            refused.append((word.message, "unknown_device"))
    return refused


def heard_at(message: Message) -> datetime | None:
    """When the collar said it; None for what the broker repeats."""
    return None if message.retained else message.received_at


def _read(messages: Iterable[Message]) -> tuple[list[Word], list[Refused]]:
    words, refused = [], []
    for message in messages:
        if not message.payload:
            continue  # a retained message that was cleared
        try:
            status = parse_status(message.payload)
        except BadPayload as error:
            refused.append((message, str(error)))
        else:
            gone = facts_when_gone(heard_at(message)) if status.online is False else {}
            words.append(Word(message, status, status.reported | gone))
            if status.faults:
                refused.append((message, set_aside(status.faults)))
    return words, refused


def _folded(words: Iterable[Word]) -> list[Word]:
    kept: list[Word] = []
    for word in words:
        while kept and word.takes_up(kept[-1]):
            kept.pop()
        kept.append(word)
    return kept


def _take_over(word: Word) -> bool:
    """Write what it says. False when there is no such collar in use."""
    message, status = word.message, word.status
    if status.online is not None:
        found = record_presence(
            device_id=message.device_id,
            online=status.online,
            reported=word.reported,
            heard_at=heard_at(message),
            hardware=status.hardware or Hardware(),
        )
    else:
        found = record_report(device_id=message.device_id, reported=word.reported, heard_at=heard_at(message))
    if found is None:
        return False
    if status.online and not message.retained:
        came_online.send(Device, device_id=message.device_id)
    if (command := status.command) is not None:
        answer = Answer(message.device_id, command.id, command.result, command.reason or "", message.received_at)
        route_answer(answer)
    if (update := status.update) is not None:
        reported = {"job_id": update.job, "state": update.state, "reason": update.reason or ""}
        update_reported.send(Device, device_id=message.device_id, at=message.received_at, **reported)
    return True
