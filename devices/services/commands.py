"""Which command a collar's answer is about."""

import logging
from uuid import UUID

from broker.commands import DELIVERIES, Answer, Command, taker_of
from devices.models import SentCommand

log = logging.getLogger(__name__)


def record_command(*, command_id: UUID, device_id: UUID, kind: type[Command]) -> None:
    """Write down that this collar is told that; its answer then finds the room that asked."""
    SentCommand.objects.create(pk=command_id, device_id=device_id, name=DELIVERIES[kind].name)


def route_answer(answer: Answer) -> None:
    """Give an answer to the room that sent the command. One to a command that this collar never got is dropped."""
    sent = SentCommand.objects.filter(pk=answer.id, device=answer.device_id)
    name = sent.values_list("name", flat=True).first()
    if name is None:
        log.info("answer_unknown", extra={"device": answer.device_id, "command": answer.id, "result": answer.result})
    else:
        taker_of(name)(answer)
