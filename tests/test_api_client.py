"""A client that somebody else's generator made of the document: an owner's day with nothing but it."""

import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import httpx
import pytest

from conftest import PASSWORD
from tools.dev.lint_openapi import generate
from tools.testing import Api, Collar, wait_for

NAME = "hetri_client"


@pytest.fixture(scope="module")
def made(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ModuleType]]:
    """`made("api.pets.create_pet")`: a module of the generated client."""
    place = tmp_path_factory.mktemp("generated")
    document = place / "openapi.json"
    document.write_bytes(httpx.get(f"{server}/schema").content)
    assert generate(document, place / NAME) == []
    sys.path.insert(0, str(place))
    yield lambda name: importlib.import_module(f"{NAME}.{name}")
    sys.path.remove(str(place))


def test_it_signs_in_adds_a_collar_gives_a_treat_and_reads_samples(
    server: str, alice: Api, made: Callable[[str], ModuleType]
) -> None:
    models, client = made("models"), made("client")

    def call(room: str, name: str, who: Any, **arguments: Any) -> Any:
        return made(f"api.{room}.{name}").sync(client=who, **arguments)

    anybody = client.Client(base_url=server)
    signed_in = call("auth", "log_in", anybody, body=models.LoginRequest(email=alice.user.email, password=PASSWORD))
    me = client.AuthenticatedClient(base_url=server, token=signed_in.access)
    device = call("devices", "create_device", me, body=models.DeviceCreateRequest(name="Rex"))
    collar = Collar(device.mqtt.to_dict()).start()
    collar.send_samples(collar.sample(accel_x=0.25))
    wait_for(lambda: call("devices", "get_status", me, device_id=device.id).status == "online")
    treat = call("devices", "give_treat", me, device_id=device.id, body=models.TreatOrder(portion=2))
    assert (treat.result, treat.portion) == ("dispensed", 2)
    found = wait_for(lambda: call("devices", "list_telemetry", me, device_id=device.id).results)
    assert found[0].accel_x == 0.25
    refused = call("pets", "create_pet", me, body=models.PetRequest(name=""))
    assert (refused.code, list(refused.errors.to_dict())) == ("invalid", ["name"])
    collar.stop()
