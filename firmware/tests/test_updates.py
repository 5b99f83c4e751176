"""Updates of the collar's own program: downloaded, checked, tried, kept or taken back, whatever happens meanwhile."""

import contextlib
import dataclasses
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from firmware.packing import BOARD, Pack, new_key, pack, sign, unpack
from firmware.tests.broker import Broker, Server, make_authority, wait_until
from firmware.tests.releases import FlashedCollar, Shelf, program_with
from tools.testing import WHOLE

JOB = str(uuid.uuid4())
STRIDE = 1 if WHOLE else 5  # of the changes after which the power goes
AT_REST = {"charging": True, "interval_s": 60}


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> rsa.RSAPrivateKey:
    return new_key(tmp_path_factory.mktemp("keys") / "release.pem")


@pytest.fixture
def release(key: rsa.RSAPrivateKey) -> Pack:
    """Version 1.1.0 of the program as it is."""
    return pack(version="1.1.0", board=BOARD, key=key)


@pytest.fixture
def shelf(authority: Path) -> Iterator[Shelf]:
    with contextlib.closing(Shelf(authority)) as shelf:
        yield shelf


@pytest.fixture
def collar(tmp_path: Path, broker: Broker, authority: Path, key: rsa.RSAPrivateKey) -> Iterator[FlashedCollar]:
    """It rests at a charger; not started yet."""
    collar = FlashedCollar(tmp_path / "collars", broker, authority, key, **AT_REST)
    yield collar
    collar.kill()


@pytest.fixture
def offer(collar: FlashedCollar, server: Server, shelf: Shelf) -> Callable[..., None]:
    """Starts the collar and offers it a release, as that version."""

    def begin(packed: Pack, version: str = "1.1.0") -> None:
        shelf.put(packed)
        collar.start()
        wait_until(server.presences)
        server.command("update", shelf.offer(JOB, version))

    return begin


def told(server: Server) -> list[dict[str, Any]]:
    """What the collar said about the job so far."""
    return [body["update"] for name, body, _ in list(server.messages) if name == "status" and "update" in body]


def wait_for_state(server: Server, state: str, seconds: float = 20) -> dict[str, Any]:
    """The first message with that state."""
    return wait_until(lambda: next((one for one in told(server) if one["state"] == state), None), state, seconds)


def running(server: Server) -> str:
    """The version of the newest presence that says online."""
    return str([body["firmware"] for body in server.presences() if body["online"]][-1])


def test_a_release_is_installed_and_confirmed(
    offer: Callable[..., None], server: Server, collar: FlashedCollar, release: Pack
) -> None:
    offer(release)
    wait_for_state(server, "confirmed")
    assert [one["state"] for one in told(server)][:2] == ["downloading", "installed"]
    assert running(server) == "1.1.0"
    assert json.loads((collar.root / "slots.json").read_text()) == {"slot": "b"}


def test_a_job_that_is_offered_again_is_only_told_again(
    offer: Callable[..., None], server: Server, shelf: Shelf, release: Pack
) -> None:
    offer(release)
    wait_for_state(server, "confirmed")
    asked, said = len(shelf.asked), len(told(server))
    server.command("update", shelf.offer(JOB, "1.1.0"))
    wait_until(lambda: len(told(server)) > said, "told again")
    assert (told(server)[-1]["state"], len(shelf.asked)) == ("confirmed", asked)


def _signed_by_another(packed: Pack) -> Pack:
    stranger = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return dataclasses.replace(packed, signature=sign(packed.manifest, stranger))


def _changed_manifest(packed: Pack) -> Pack:
    return dataclasses.replace(packed, manifest=packed.manifest.replace(b'"1.1.0"', b'"1.2.0"'))


def _changed_byte(packed: Pack) -> Pack:
    middle = len(packed.program) // 2
    changed = bytes([packed.program[middle] ^ 1])
    return dataclasses.replace(packed, program=packed.program[:middle] + changed + packed.program[middle + 1 :])


def _truncated(packed: Pack) -> Pack:
    return dataclasses.replace(packed, program=packed.program[:-1])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_signed_by_another, "bad_signature"),
        (_changed_manifest, "bad_signature"),
        (_changed_byte, "changed_file"),
        (_truncated, "truncated"),
    ],
)
def test_a_spoiled_release_is_refused_with_its_reason(
    offer: Callable[..., None],
    server: Server,
    release: Pack,
    spoil: Callable[[Pack], Pack],
    reason: str,
) -> None:
    offer(spoil(release))
    assert wait_for_state(server, "failed")["reason"] == reason
    assert running(server) == "1.0.0"


@pytest.mark.parametrize(("about", "reason"), [({"version": "0.9.0"}, "older"), ({"board": "another"}, "other_board")])
def test_a_release_that_does_not_fit_is_refused_with_its_reason(
    offer: Callable[..., None], server: Server, key: rsa.RSAPrivateKey, about: dict[str, str], reason: str
) -> None:
    packed: dict[str, Any] = {"version": "1.1.0", "board": BOARD, "key": key, **about}
    offer(pack(**packed), packed["version"])
    assert wait_for_state(server, "failed")["reason"] == reason
    assert running(server) == "1.0.0"


def test_an_older_release_is_installed_when_it_is_marked(
    offer: Callable[..., None], server: Server, key: rsa.RSAPrivateKey
) -> None:
    offer(pack(version="0.9.0", board=BOARD, key=key, allow_older=True), "0.9.0")
    wait_until(lambda: running(server) == "0.9.0", "the older one")
    assert wait_for_state(server, "confirmed")["job"] == JOB


def test_a_release_brings_an_authority_that_collars_trust_from_then_on(
    tmp_path: Path, broker: Broker, authority: Path, key: rsa.RSAPrivateKey
) -> None:
    collar = FlashedCollar(tmp_path / "collars", broker, make_authority(tmp_path / "other"), key, **AT_REST)
    unpack(pack(version="1.0.0", board=BOARD, key=key, roots=(authority / "ca.pem").read_bytes()), collar.root / "a")
    broker.start()
    collar.start()
    try:
        collar.wait_online()
        assert collar.online
    finally:
        collar.kill()


def test_a_program_that_crashes_at_its_start_is_taken_back(
    offer: Callable[..., None], server: Server, collar: FlashedCollar, key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    broken = program_with(tmp_path / "broken", {"app/main.py": "raise ValueError('broken')\n"})
    offer(pack(version="1.1.0", board=BOARD, key=key, source=broken))
    assert wait_for_state(server, "rolled_back")["reason"] == "not_confirmed"
    assert running(server) == "1.0.0"
    assert collar.console().count("ValueError: broken") == 3


def test_a_download_that_breaks_off_goes_on_where_it_was(
    offer: Callable[..., None], server: Server, shelf: Shelf, release: Pack
) -> None:
    shelf.breaks = 1
    offer(release)
    wait_for_state(server, "confirmed", 30)
    pieces = sum(1 for path in shelf.asked if path.endswith("/program"))
    assert pieces <= len(json.loads(release.manifest)["files"]) * 2


def test_an_update_waits_for_the_battery_and_says_so(
    collar: FlashedCollar, offer: Callable[..., None], server: Server, shelf: Shelf, release: Pack
) -> None:
    collar.options(charging=False, battery=25.0)
    offer(release)
    assert wait_for_state(server, "waiting")["reason"] == "low_battery"
    assert shelf.asked == []


def test_a_cancelled_update_is_not_installed(
    collar: FlashedCollar, offer: Callable[..., None], server: Server, shelf: Shelf, release: Pack
) -> None:
    collar.options(charging=False, battery=25.0)
    offer(release)
    wait_for_state(server, "waiting")
    server.command("update", {"v": 1, "job": JOB, "action": "cancel"})
    state = collar.flash / "update.json"
    assert wait_until(lambda: json.loads(state.read_text())["state"] == "cancelled", "cancelled")


def _is_dead(collar: FlashedCollar) -> bool:
    assert collar.process
    return collar.process.poll() is not None


def test_after_each_change_to_the_flash_the_power_may_go_and_a_whole_program_starts(
    offer: Callable[..., None], server: Server, collar: FlashedCollar, shelf: Shelf, release: Pack
) -> None:
    """One life after the other ends soon after a change that is lasting; so often that even the trial is given up."""
    cut_after, lives = STRIDE, 1
    collar.options(**AT_REST, cut_after=cut_after)
    offer(release)
    while not (ends := _ends(server)):
        before = _lasting(collar)
        if wait_until(lambda: _ends(server) or _is_dead(collar), "the power to go", 30) is not True:
            continue
        cut_after = STRIDE if _lasting(collar) != before else cut_after + STRIDE
        collar.options(**AT_REST, cut_after=cut_after)
        _live_on(server, collar)
        server.command("update", shelf.offer(JOB, "1.1.0"))  # as at each presence while the job is open
        lives += 1
    assert set(ends) == {"rolled_back"}  # said again when the power goes before the collar has noted that it was heard
    assert running(server) == "1.0.0"
    assert lives > len(json.loads(release.manifest)["files"]) // STRIDE


@pytest.mark.parametrize("cut_after", [3, 4, 5, 6] if WHOLE else [4, 6])
def test_a_power_cut_while_a_new_program_proves_itself_does_not_take_it_back(
    offer: Callable[..., None], server: Server, collar: FlashedCollar, release: Pack, cut_after: int
) -> None:
    """The first two changes count the attempt; then the slot is confirmed, and the job."""
    collar.options(**AT_REST)
    offer(release)
    wait_for_state(server, "installed")
    collar.options(**AT_REST, cut_after=cut_after)
    collar.kill()
    _live_on(server, collar)
    assert collar.process
    collar.process.wait(30)
    collar.options(**AT_REST)
    _live_on(server, collar)
    wait_for_state(server, "confirmed")
    assert running(server) == "1.1.0"


def _ends(server: Server) -> list[str]:
    return [one["state"] for one in told(server) if one["state"] in ("confirmed", "failed", "rolled_back")]


def _lasting(collar: FlashedCollar) -> dict[str, bytes]:
    """What a reader finds in the program's parts of the flash."""
    found = [*collar.root.glob("[ab]/*/*.py"), *collar.root.glob("**/*.json")]
    return {str(path): path.read_bytes() for path in found if path.name != "sim.json"}


def _live_on(server: Server, collar: FlashedCollar) -> None:
    """Start it; a whole program reaches the server, unless the loader's own change was cut."""
    reached = len(server.presences())
    collar.start()
    process = collar.process
    assert process
    wait_until(
        lambda: process.poll() is not None or any(p["online"] for p in server.presences()[reached:]), "a program"
    )
