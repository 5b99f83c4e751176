from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tools.testing import Api, Collar, wait_for


@pytest.fixture
def collar_of(server: str) -> Iterator[Callable[..., Collar]]:
    """`collar_of(api, device)`: the device's collar, connected and known to be online."""
    started: list[Collar] = []

    def begin(api: Api, device: dict[str, Any], answers: tuple[str, ...] = ("accepted", "dispensed")) -> Collar:
        collar = Collar(device["mqtt"], answers).start()
        started.append(collar)
        wait_for(lambda: api.get(f"/devices/{device['id']}/status").json()["status"] == "online")
        return collar

    yield begin
    for collar in started:
        collar.stop()
