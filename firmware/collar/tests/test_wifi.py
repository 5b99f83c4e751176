import asyncio
import json

from app.networks import BadNetwork, Networks
from app.setup import Setup
from app.wifi import Wifi
from helpers import Log, raises
from sim import network

HOME = {"ssid": "Home", "password": "garden-gate"}
AIR = {"Home": ("garden-gate", -50), "Cabin": ("lake-water", -70), "Stranger": ("12345678", -40)}


def make(folder, *known, air=None):
    log = Log()
    network.use(AIR if air is None else air)
    networks = Networks(folder, known)
    setup = Setup(network, networks, "Hetri-1234", "", log, ("127.0.0.1", 0), 300)
    return Wifi(network, networks, setup, log), log


def joined(wifi):
    """The name of the network that it joins within a second."""
    asyncio.run(asyncio.wait_for_ms(wifi.ready(), 1_000))
    return wifi._station._wanted[0]


def test_it_joins_the_strongest_network_that_it_knows(folder):
    cabin = {"ssid": "Cabin", "password": "lake-water"}
    wifi, _ = make(folder, cabin, HOME)
    assert joined(wifi) == "Home"
    assert (wifi.rssi(), wifi.ip()) == (-50, "127.0.0.1")


def test_it_goes_to_another_network_when_one_is_lost(folder):
    air = dict(AIR)
    wifi, _ = make(folder, {"ssid": "Cabin", "password": "lake-water"}, HOME, air=air)
    assert joined(wifi) == "Home"
    del air["Home"]
    assert wifi.rssi() == 0
    assert joined(wifi) == "Cabin"


def test_it_tries_the_next_one_where_a_password_is_wrong(folder):
    wifi, log = make(folder, {"ssid": "Home", "password": "wrong-one"}, {"ssid": "Cabin", "password": "lake-water"})
    assert joined(wifi) == "Cabin"
    assert ("wifi_failed", {"name": "Home", "reason": "wrong_password"}) in log.events
    assert "wrong-one" not in str(log.events)


def test_it_saves_power(folder):
    wifi, _ = make(folder, HOME)
    joined(wifi)
    assert wifi._station.settings == {"pm": network.WLAN.PM_POWERSAVE}


def test_without_a_network_that_it_knows_it_opens_the_page_once_and_closes_it_again(folder):
    async def live(wifi):
        tasks = [asyncio.create_task(wifi.run()), asyncio.create_task(wifi.ready())]
        await asyncio.sleep_ms(150)
        open_first = wifi.in_setup()
        await asyncio.sleep_ms(500)
        for task in tasks:
            task.cancel()
        return open_first, wifi.in_setup()

    wifi, log = make(folder)
    assert asyncio.run(live(wifi)) == (True, False)
    assert log.names() == ["setup_opens", "setup_closed"]


def test_what_is_added_is_known_first_and_survives_a_restart(folder):
    networks = Networks(folder, [HOME])
    networks.add("Cabin", "lake-water")
    networks.add("Café & co", "")
    assert Networks(folder, [HOME]).known == [("Café & co", ""), ("Cabin", "lake-water"), ("Home", "garden-gate")]
    for number in range(9):
        networks.add("net %d" % number, "12345678")
    assert len(Networks(folder, []).known) == 8


def test_what_no_network_has_is_refused(folder):
    networks = Networks(folder, [])
    for name, key in (("", "12345678"), ("x" * 33, ""), ("ü" * 17, ""), ("Home", "short"), ("Home", "x" * 64), (7, "")):
        assert raises(BadNetwork, networks.add, name, key), name
    with open(folder + "/wifi.json", "w") as file:
        file.write(json.dumps({"networks": [7, {"ssid": "Home"}, HOME]}))
    assert Networks(folder, []).known == [("Home", "garden-gate")]
