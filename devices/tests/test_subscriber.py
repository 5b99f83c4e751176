"""The subscriber's promise: what one message breaks, the others do not feel."""

from collections.abc import Sequence
from uuid import uuid4

from devices.mqtt.messages import Message, Receipt
from devices.mqtt.subscriber import SERVER_FAULT, Routes, Subscriber


def test_a_message_that_we_fail_at_is_set_aside_and_the_rest_is_stored() -> None:
    stored: list[bytes] = []
    aside: list[tuple[bytes, str]] = []

    def store(batch: Sequence[Message]) -> list[Receipt]:
        if any(message.payload == b"poison" for message in batch):
            raise ValueError("a fault of ours")
        stored.extend(message.payload for message in batch)
        return []

    def set_aside(message: Message, why: str) -> None:
        aside.append((message.payload, why))

    names = [b"1", b"2", b"poison", b"3", b"4"]
    batch = [Message(uuid4(), "devices/x/telemetry", name, False, 0) for name in names]
    Subscriber(Routes(telemetry=store, status=lambda message: None, set_aside=set_aside))._store(batch)
    assert (sorted(stored), aside) == ([b"1", b"2", b"3", b"4"], [(b"poison", SERVER_FAULT)])
