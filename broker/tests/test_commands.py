"""The table of commands: the collar's side agrees, every answer has a taker, nothing out of bounds leaves."""

import runpy

import msgspec
import pytest
from django.conf import settings

from broker.commands import DELIVERIES, Config, Treat, encode, taker_of
from core.ids import uuid7

COLLAR = settings.BASE_DIR / "firmware" / "collar" / "app" / "commands.py"


def test_the_collars_table_is_the_servers() -> None:
    ours: dict[str, set[str]] = {}
    for kind, delivery in DELIVERIES.items():
        names = {field.encode_name for field in msgspec.structs.fields(kind)} - {"v"}
        ours.setdefault(delivery.name, set()).update(names)
    theirs = {name: set(keys) for name, (_method, keys) in runpy.run_path(str(COLLAR))["TABLE"].items()}
    assert theirs == ours


def test_each_answer_has_somebody_who_takes_it() -> None:
    answered = {delivery.name for delivery in DELIVERIES.values() if delivery.answered_to}
    assert answered == {"treat", "stream"}
    assert all(callable(taker_of(name)) for name in answered)


def test_a_command_says_what_the_protocol_says() -> None:
    key = uuid7()
    assert msgspec.json.decode(encode(Treat(id=key, portion=2, exp=1_700_000_000_000))) == {
        "v": 1,
        "id": str(key),
        "portion": 2,
        "exp": 1_700_000_000_000,
    }


@pytest.mark.parametrize(
    "command",
    [
        Treat(id=uuid7(), portion=6, exp=1),
        Treat(id=uuid7(), portion=0, exp=1),
        Config(version=1, telemetry_interval_s=0, camera="off", time_zone="UTC"),
        Config(version=1, telemetry_interval_s=60, camera="on", time_zone="UTC"),
    ],
)
def test_what_is_out_of_bounds_never_leaves(command: Treat | Config) -> None:
    with pytest.raises(msgspec.ValidationError):
        encode(command)
