"""Status messages from collars."""

from django.db import transaction

from devices.models import Device, TreatEvent
from devices.mqtt.messages import Message
from devices.payloads import BadPayload, Command, parse_status
from devices.services.presence import record_presence, record_report
from devices.services.treats import record_accepted, record_result
from devices.signals import came_online, command_answered, update_told


@transaction.atomic
def handle_status(message: Message) -> str | None:
    """Take over one status message. Returns why it is to be set aside, or None when it was good."""
    if not message.payload:
        return None  # a retained message that was cleared
    try:
        status = parse_status(message.payload)
    except BadPayload as refused:
        return str(refused)
    found: Device | None
    if status.online is not None:
        heard_at = None if message.retained else message.received_at
        found = record_presence(
            device_id=message.device_id, online=status.online, reported=status.reported(), heard_at=heard_at
        )
    else:
        found = record_report(device_id=message.device_id, reported=status.reported(), heard_at=message.received_at)
    if found is None:
        return "unknown_device"
    if status.online and not message.retained:
        came_online.send(Device, device_id=message.device_id)
    if status.command is not None:
        _settle(message, status.command)
    if status.update is not None:
        told = {"job_id": status.update.job, "state": status.update.state, "reason": status.update.reason or ""}
        update_told.send(Device, device_id=message.device_id, at=message.received_at, **told)
    return None


def _settle(message: Message, command: Command) -> None:
    device_id, at = message.device_id, message.received_at
    if command.result == "accepted":
        record_accepted(device_id=device_id, treat_id=command.id, at=at)
    else:
        result = TreatEvent.Result.FAILED if command.result == "unsupported" else command.result
        record_result(device_id=device_id, treat_id=command.id, result=result, at=at)
    answer = {"command_id": command.id, "result": command.result, "reason": command.reason or ""}
    command_answered.send(Device, device_id=device_id, **answer)
