"""The broker's password file: what it holds, how few reloads it costs, how it heals."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connection

from broker.credentials import hash_claim_code, hash_password, new_claim_code, password_matches
from broker.registry import new_credential, registry
from core.ids import uuid7
from devices.models import Device
from devices.services import ownership
from tools.testing import Collar, reloads, wait_for

MANY = 10_000


@pytest.fixture
def many(live_db: None) -> Iterator[None]:
    """A fleet in the database and in the file."""
    verifier = hash_password("x")
    fleet = [Device(pk=(key := uuid7()), name="x", mqtt_user=str(key), mqtt_pass_hash=verifier) for _ in range(MANY)]
    Device.objects.bulk_create(fleet)
    registry().sync()
    yield
    Device.objects.filter(pk__in=[device.pk for device in fleet]).delete()
    registry().sync()


def test_a_hundred_at_once_cost_a_few_reloads(many: None) -> None:
    def provision(number: int) -> Device:
        try:
            return ownership.provision(name=str(number))[0]
        finally:
            connection.close()

    before = reloads()
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(provision, range(100)))
    assert all(registry().exists(device.mqtt_user) for device in made)
    assert 1 <= reloads() - before <= 25


def test_the_file_heals_whatever_happened_to_it(live_db: None) -> None:
    device, credential = ownership.provision(name="x")
    for damage in ("", "half a li", settings.MQTT_PASSWORD_FILE.read_text() + "stranger:$7$1$AA==$AA==\n"):
        settings.MQTT_PASSWORD_FILE.write_text(damage)
        assert registry().sync() is True
        assert registry().sync() is False
    settings.MQTT_PASSWORD_FILE.unlink()
    assert registry().sync() is True
    assert registry().exists(device.mqtt_user)
    wait_for(lambda: Collar(credential.public()).accepted(), 5)


def test_a_credential_shows_no_secret_in_a_log() -> None:
    credential = new_credential("ref")
    assert credential.password not in repr(credential)
    assert credential.verifier not in repr(credential)
    assert password_matches(credential.password, credential.verifier)
    assert not password_matches("other", credential.verifier)


def test_claim_codes_read_alike_letters_alike() -> None:
    code = new_claim_code()
    assert len(code) == 9
    assert hash_claim_code("7K3M-9QXT") == hash_claim_code("7k3m9qxt")
    assert hash_claim_code("O1IL-0000") == hash_claim_code("0111-OOOO")
    assert hash_claim_code("UUUU-UUUU") is None
