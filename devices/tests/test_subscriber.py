"""The subscriber's promise: what one message breaks, the others do not feel."""

from collections.abc import Sequence
from uuid import uuid4

from broker.messages import Message, Refused, Stored
from broker.subscriber import SERVER_FAULT, Routes, Subscriber


def test_a_message_that_we_fail_at_is_set_aside_and_the_rest_is_stored() -> None:
    stored: list[bytes] = []
    aside: list[tuple[bytes, str]] = []

    def store(batch: Sequence[Message]) -> Stored:
        if any(message.payload == b"poison" for message in batch):
            raise ValueError("a fault of ours")
        stored.extend(message.payload for message in batch)
        return Stored()

    def quarantine(refused: Sequence[Refused]) -> None:
        aside.extend((message.payload, why) for message, why in refused)

    names = [b"1", b"2", b"poison", b"3", b"4"]
    batch = [Message(uuid4(), "devices/x/telemetry", name, False, 0) for name in names]
    routes = Routes(
        telemetry=store, late=lambda _: [], status=lambda _: [], quarantine=quarantine, cut=lambda message, why: None
    )
    Subscriber(routes)._store(batch)
    assert (sorted(stored), aside) == ([b"1", b"2", b"3", b"4"], [(b"poison", SERVER_FAULT)])
