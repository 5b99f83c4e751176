"""The WebSocket of docs/api.md, over the running server."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.conf import settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from accounts.tests.test_auth_api import browser
from tools.testing import Api, Collar, wait_for

Starter = Callable[..., Collar]


@contextmanager
def socket(server: str, path: str, token: str | None = None, **options: Any) -> Iterator[ClientConnection]:
    protocols: Any = ["bearer", token] if token is not None else None
    url = server.replace("http", "ws") + path
    with connect(url, subprotocols=protocols, open_timeout=10, **options) as opened:
        yield opened


def receive(opened: ClientConnection, seconds: float = 10) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(opened.recv(timeout=seconds))
    return message


def until(opened: ClientConnection, kind: str) -> dict[str, Any]:
    while (message := receive(opened))["type"] != kind:
        assert message["type"] in ("snapshot", "status", "telemetry", "treat")
    return message


def closed_with(opened: ClientConnection, seconds: float = 5) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            opened.recv(timeout=seconds)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def test_a_snapshot_then_numbered_messages(server: str, alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    with socket(server, f"/ws/devices/{device['id']}", alice.tokens["access"]) as opened:
        snapshot = receive(opened)
        assert snapshot == {"type": "snapshot", "devices": [alice.get(f"/devices/{device['id']}/status").json()]}
        collar.send_samples(collar.sample(accel_x=0.25))
        told = until(opened, "telemetry")
        assert (told["device"], told["data"]["accel_x"]) == (device["id"], 0.25)
        alice.post(f"/devices/{device['id']}/treat")
        results = []
        numbers = [told["n"]]
        while results[-1:] != ["dispensed"]:
            message = receive(opened)
            numbers.append(message["n"])
            if message["type"] == "treat":
                results.append(message["data"]["result"])
        assert results == ["pending", "pending", "dispensed"]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_the_list_socket_shows_all_of_the_owners(server: str, alice: Api, bob: Api, collar_of: Starter) -> None:
    first, foreign = alice.new_device(), bob.new_device()
    collar_of(bob, foreign)
    with socket(server, "/ws/devices", alice.tokens["access"]) as opened:
        assert [row["id"] for row in receive(opened)["devices"]] == [first["id"]]
        second = alice.new_device()
        assert [row["id"] for row in until(opened, "snapshot")["devices"]] == [first["id"], second["id"]]


def told_to(server: str, origin: Origin | None, cookie: dict[str, str]) -> int:
    """The code or the status that a page of this origin gets for a person's cookie."""
    try:
        with socket(server, "/ws/devices", origin=origin, additional_headers=cookie) as opened:
            return closed_with(opened)
    except InvalidStatus as refused:
        return refused.response.status_code


def test_a_browser_opens_it_with_its_cookie_from_our_own_pages(server: str, live_db: None, alice: Api) -> None:
    device = alice.new_device()
    with browser(server, alice.user) as client:
        cookie = {"Cookie": f"sessionid={client.cookies['sessionid']}"}
        with socket(server, "/ws/devices", origin=Origin(server), additional_headers=cookie) as opened:
            assert receive(opened)["devices"][0]["id"] == device["id"]
        port = urlsplit(server).port
        for origin in (
            None,
            "https://evil.example",
            f"https://localhost:{port}",  # another scheme: whoever sits in the line can be that page
            "http://localhost",
            f"http://localhost:{port}.evil.example",
            f"http://localhost:{port}@evil.example",
            f"http://evil.example#localhost:{port}",
            "http://localhost:99999",
            "http://[",
            "null",
            "",
        ):
            told = Origin(origin) if origin is not None else None
            assert told_to(server, told, cookie) in (4401, 400), origin  # 400: it is no origin at all


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
def test_a_bad_token_is_closed_with_4401(server: str, live_db: None, token: str) -> None:
    with socket(server, "/ws/devices", token or "none") as opened:
        assert closed_with(opened) == 4401


def test_nobody_is_closed_with_4401(server: str, live_db: None) -> None:
    with socket(server, "/ws/devices") as opened:
        assert closed_with(opened) == 4401


def test_a_stranger_is_closed_with_4404(server: str, alice: Api, bob: Api) -> None:
    for device in (alice.new_device()["id"], str(uuid4())):
        with socket(server, f"/ws/devices/{device}", bob.tokens["access"]) as opened:
            assert closed_with(opened) == 4404


def test_staff_may_watch_a_device(server: str, alice: Api, charlie: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    with socket(server, f"/ws/devices/{device['id']}", charlie.tokens["access"]) as opened:
        receive(opened)
        collar_of(alice, device)
        assert until(opened, "status")["data"]["status"] == "online"


@pytest.mark.parametrize("way", ["logout", "logout_all", "retire", "handover"])
def test_access_that_ends_closes_it(server: str, alice: Api, bob: Api, way: str) -> None:
    device = alice.new_device()
    with socket(server, f"/ws/devices/{device['id']}", alice.tokens["access"]) as opened:
        receive(opened)
        match way:
            case "logout":
                alice.post("/auth/logout", json={"refresh": alice.tokens["refresh"]})
            case "logout_all":
                alice.post("/auth/logout_all")
            case "retire":
                alice.delete(f"/devices/{device['id']}")
            case "handover":
                given = alice.post(f"/devices/{device['id']}/handover", json={"password": alice.password})
                bob.post("/devices/claim", json={"claim_code": given.json()["claim_code"]})
        assert closed_with(opened) == (4401 if way.startswith("logout") else 4404)


def test_a_listener_that_fell_behind_resyncs(server: str, alice: Api, collar_of: Starter) -> None:
    import asyncio

    from core.bus import QUEUE_LIMIT, Listener

    async def overflow() -> list[Any]:
        listener = Listener([("user", "x")])
        for number in range(QUEUE_LIMIT + 1):
            listener.put({"type": "treat", "device": "d", "n": number})
        listener.put({"type": "treat", "device": "d", "n": "after"})
        return [await listener.get(), await listener.get()]

    missed, after = asyncio.run(overflow())
    assert missed is None
    assert after["n"] == "after"


def test_telemetry_folds_to_the_newest_in_its_place() -> None:
    import asyncio

    from core.bus import Listener

    async def fold() -> list[Any]:
        listener = Listener([("user", "x")])
        for number in range(3):
            listener.put({"type": "telemetry", "device": "d", "data": number})
        return [await listener.get()]

    assert asyncio.run(fold()) == [{"type": "telemetry", "device": "d", "data": 2}]


def test_an_unknown_socket_path_is_closed(server: str, live_db: None) -> None:
    with socket(server, "/ws/else") as opened:
        assert closed_with(opened) == 4404


def test_one_person_has_no_more_sockets_than_are_allowed(server: str, alice: Api, bob: Api) -> None:
    with ExitStack() as held:
        mine = [
            held.enter_context(socket(server, "/ws/devices", alice.tokens["access"]))
            for _ in range(settings.SOCKETS_PER_USER)
        ]
        assert {receive(opened)["type"] for opened in mine} == {"snapshot"}
        with socket(server, "/ws/devices", alice.tokens["access"]) as more:
            assert closed_with(more) == 4429
        with socket(server, "/ws/devices", bob.tokens["access"]) as anothers:
            assert receive(anothers)["type"] == "snapshot"
        mine[0].close()

        def taken() -> bool:
            with socket(server, "/ws/devices", alice.tokens["access"]) as again:
                try:
                    return receive(again)["type"] == "snapshot"
                except ConnectionClosed:
                    return False

        assert wait_for(taken)


@pytest.mark.parametrize("pieces", [[b"x" * 2_000_000], [b"x" * 1000] * 2000], ids=["one frame", "fragments"])
def test_a_client_that_talks_too_much_is_closed(server: str, alice: Api, pieces: list[bytes]) -> None:
    with socket(server, "/ws/devices", alice.tokens["access"]) as opened:
        receive(opened)
        with pytest.raises(ConnectionClosed):
            opened.send(iter(pieces))
            opened.recv(timeout=10)


def test_a_program_may_show_its_token_in_the_header_that_it_uses_elsewhere(server: str, alice: Api) -> None:
    device = alice.new_device()
    headers = {"Authorization": f"Bearer {alice.tokens['access']}"}
    with socket(server, f"/ws/devices/{device['id']}", additional_headers=headers) as opened:
        assert receive(opened)["type"] == "snapshot"
        alice.post("/auth/logout_all")
        assert closed_with(opened) == 4401


@pytest.mark.parametrize("said", ["Bearer", "Bearer x", "Bearer a b", "Basic YTpi"])
def test_a_header_that_shows_no_token_of_ours_is_4401(server: str, live_db: None, said: str) -> None:
    with socket(server, "/ws/devices", additional_headers={"Authorization": said}) as opened:
        assert closed_with(opened) == 4401
