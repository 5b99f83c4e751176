"""Real parts for the collar's tests: a broker, the program, a server."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.tests.broker import Broker, Server, make_authority
from firmware.tests.collar import Collar


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA and a certificate for localhost."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def broker(tmp_path: Path, authority: Path) -> Iterator[Broker]:
    """A mosquitto that is not started yet."""
    broker = Broker(tmp_path / "broker", authority)
    yield broker
    broker.kill()


@pytest.fixture
def make_collar(tmp_path: Path, broker: Broker, authority: Path) -> Iterator[Callable[..., Collar]]:
    """Makes collars and ends their processes."""
    made: list[Collar] = []

    def make(**options: Any) -> Collar:
        made.append(Collar(tmp_path / "collars", broker, options.pop("authority", authority), **options))
        return made[-1]

    yield make
    for collar in made:
        collar.kill()
        print(collar.console())  # shown when the test has failed


@pytest.fixture
def collar(make_collar: Callable[..., Collar]) -> Collar:
    """One collar that is not started yet."""
    return make_collar()


@pytest.fixture
def server(broker: Broker, collar: Collar) -> Iterator[Server]:
    """A server for that collar, at a broker that runs."""
    broker.start()
    with contextlib.closing(Server(broker, collar.id)) as server:
        yield server
