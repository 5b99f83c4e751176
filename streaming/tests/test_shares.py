"""Who gets a stream when all are taken: no account switches everybody else's camera off."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from core.ids import uuid7
from core.times import now
from devices.models import Device
from streaming.models import StreamSession, Viewing
from streaming.services import keeping, shares, streams, viewings
from tools.testing import Api, Collar

State = StreamSession.State
FULL = settings.STREAMS_MAX


class Household:
    """An owner whose collars say that they are online, and show nothing."""

    def __init__(self, api: Api, collar_of: Callable[..., Collar]) -> None:
        self.api, self._collar_of = api, collar_of
        self.devices: list[str] = []

    def add(self, count: int = 1, *, live: bool = False, connected: bool = False) -> list[int]:
        """So many collars more, each asked for video; the answers.

        A `connected` one says at the broker that it is online; of the others that is on record only, which is quicker.
        """
        answers = []
        for _ in range(count):
            self.devices.append(self._connected() if connected else self._on_record())
            answers.append(self.ask())
        if live:
            self.change(state=State.LIVE)
        return answers

    def _connected(self) -> str:
        device = self.api.new_device()
        self._collar_of(self.api, device)
        return str(device["id"])

    def _on_record(self) -> str:
        online = {"status": Device.Status.ONLINE, "last_seen": now(), "owned_since": now()}
        pk = uuid7()
        return str(Device.objects.create(pk=pk, mqtt_user=str(pk), name="Rex", owner=self.api.user, **online).pk)

    def ask(self, device: str | None = None, api: Api | None = None) -> int:
        """For the video of a collar, by default the newest."""
        return (api or self.api).get(f"/devices/{device or self.devices[-1]}/video_url").status_code

    def open(self) -> list[str]:
        """The collars whose streams are open, the oldest first."""
        found = StreamSession.objects.filter(device__in=self.devices, state__in=streams.OPEN).order_by("pk")
        return [str(device) for device in found.values_list("device", flat=True)]

    def change(self, *devices: str, **fields: Any) -> None:
        """As if that had happened to the streams of these collars, or of all."""
        StreamSession.objects.filter(device__in=devices or self.devices, state__in=streams.OPEN).update(**fields)

    def reasons(self) -> list[str]:
        """Why its streams ended."""
        found = StreamSession.objects.filter(device__in=self.devices, state=State.ENDED)
        return list(found.order_by("ended_at").values_list("reason", flat=True))


@pytest.fixture
def household(sign_in: Callable[..., Api], collar_of: Callable[..., Collar]) -> Iterator[Callable[[str], Household]]:
    """`household("alice")`; their streams are over afterwards."""
    made: list[Household] = []

    def begin(name: str) -> Household:
        made.append(Household(sign_in(name), collar_of))
        return made[-1]

    for stream in StreamSession.objects.filter(state__in=streams.OPEN):  # of a test before
        streams.end_stream(stream=stream, reason=StreamSession.Reason.UNWATCHED)
    yield begin
    for stream in StreamSession.objects.filter(device__in=[one for home in made for one in home.devices]):
        streams.end_stream(stream=stream, reason=StreamSession.Reason.UNWATCHED)


Homes = Callable[[str], Household]


def ago(seconds: float) -> Any:
    return now() - timedelta(seconds=seconds)


def test_collars_that_only_say_online_give_way_to_another_owner(household: Homes) -> None:
    alice, bob = household("alice"), household("bob")
    assert alice.add(FULL, connected=True) == [200] * FULL
    assert bob.add(connected=True) == [200]
    assert alice.open() == alice.devices[1:]
    assert alice.reasons() == ["gave_way"]


def test_who_asks_for_all_again_and_again_takes_nobodys_stream(household: Homes) -> None:
    alice, bob = household("alice"), household("bob")
    alice.add(FULL)
    bob.add()
    for _ in range(3):
        asked = [alice.ask(device) for device in alice.devices]
        assert sorted(asked) == [200] * (FULL - 1) + [503]
        assert bob.ask() == 200
    assert bob.open() == bob.devices


def test_streams_with_pictures_beyond_a_share_give_way_the_newest_first(household: Homes) -> None:
    alice, bob, carol = household("alice"), household("bob"), household("carol")
    alice.add(FULL, live=True)
    assert bob.add(settings.STREAMS_PER_OWNER, live=True) == [200] * settings.STREAMS_PER_OWNER
    left = FULL - 2 * settings.STREAMS_PER_OWNER
    assert carol.add(left + 1, live=True) == [200] * left + [503]
    assert alice.open() == alice.devices[: settings.STREAMS_PER_OWNER]


def test_who_has_a_share_takes_nothing_from_others(household: Homes) -> None:
    alice, bob = household("alice"), household("bob")
    bob.add(settings.STREAMS_PER_OWNER, live=True)
    alice.add(FULL - settings.STREAMS_PER_OWNER)
    assert bob.add() == [503]
    assert len(alice.open()) == FULL - settings.STREAMS_PER_OWNER


def test_an_owner_may_have_all_while_nobody_else_asks(household: Homes) -> None:
    alice = household("alice")
    assert alice.add(FULL + 1) == [200] * FULL + [503]
    assert alice.reasons() == []


def test_among_equals_one_without_a_picture_gives_way_once_it_should_have_one(household: Homes) -> None:
    homes = [household(f"h{number}") for number in range(FULL)]
    for home in homes:
        home.add(live=True)
    late, starting = homes[3], homes[5]
    starting.change(state=State.REQUESTED, dark_since=ago(shares.STARTING_S - 3))
    zoe = household("zoe")
    assert zoe.add() == [503]
    late.change(state=State.STARTING, dark_since=ago(shares.STARTING_S + 1))
    assert zoe.ask() == 200
    assert (late.reasons(), starting.reasons()) == (["gave_way"], [])


def test_one_that_only_lingers_goes_before_all_others(household: Homes) -> None:
    alice, bob, carol = household("alice"), household("bob"), household("carol")
    alice.add(FULL - 1)
    carol.add(live=True)
    viewings.end_viewing(viewing=Viewing.objects.get(stream__device=carol.devices[0]))
    assert bob.add() == [200]
    assert (carol.reasons(), alice.reasons()) == (["unwatched"], [])


def test_many_viewers_of_one_stream_are_one(household: Homes, sign_in: Callable[..., Api]) -> None:
    alice, bob = household("alice"), household("bob")
    bob.add(live=True)
    other = Api(str(bob.api.base_url), bob.api.user, bob.api.password)
    assert bob.ask(api=other) == 200
    alice.add(FULL - 1)
    assert bob.add() == [200]
    assert len(bob.open()) == 2


def test_what_staff_watch_counts_for_its_owner(household: Homes, charlie: Api) -> None:
    alice, bob = household("alice"), household("bob")
    bob.add(settings.STREAMS_PER_OWNER, live=True)
    alice.add(FULL - settings.STREAMS_PER_OWNER, live=True)
    assert bob.add() == [503]
    bob.api.post(f"/devices/{bob.devices[-1]}/support_view", json={"minutes": 5})
    assert bob.ask(api=charlie) == 503
    assert len(alice.open()) == FULL - settings.STREAMS_PER_OWNER


def test_one_picture_and_then_nothing_holds_no_place(household: Homes) -> None:
    """It has no playlist that is fresh, so the keeper no longer calls it live."""
    alice, bob = household("alice"), household("bob")
    bob.add(live=True)
    alice.add(FULL - 1, live=True)
    bob.change(requested_at=ago(60))
    keeping.run_round(seen={})
    assert StreamSession.objects.filter(device__in=alice.devices, state=State.LIVE).count() == 0
    carol = household("carol")
    assert carol.add() == [200]
    assert alice.reasons() == ["gave_way"]


def test_two_who_ask_at_once_get_what_is_there_once(household: Homes) -> None:
    alice = household("alice")
    alice.add(FULL)
    homes = [household(f"h{number}") for number in range(4)]
    for home in homes:
        home.add()
        home.change(dark_since=ago(0))
    for home in homes:
        for stream in StreamSession.objects.filter(device__in=home.devices, state__in=streams.OPEN):
            streams.end_stream(stream=stream, reason=StreamSession.Reason.UNWATCHED)
    alice.add(4)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda home: home.ask(), homes))
    assert answers == [200] * 4
    assert StreamSession.objects.filter(state__in=streams.OPEN).count() == FULL
