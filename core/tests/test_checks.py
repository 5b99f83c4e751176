"""What production refuses to start with, and what it is told to set."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as real
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from core.storage import HashedStorage
from hetri import checks

GOOD = "f3Kq9-Zt7Lw2"


def told() -> list[str]:
    """The ids of what the checks say."""
    asked = (checks.check_secrets, checks.check_public, checks.check_services, checks.check_files)
    return [str(message.id) for check in asked for message in check(None)]


@pytest.fixture
def production(settings: Any) -> Any:
    """Settings that nothing is said about."""
    for number, attribute in enumerate(checks.SECRETS.values()):
        setattr(settings, attribute, f"{number}-{GOOD}-" * 4)
    settings.PUBLIC_URL, settings.DEBUG, settings.ALLOWED_HOSTS = "https://hetri.example", False, ["hetri.example"]
    settings.REDIS_URL = settings.CELERY_BROKER_URL = f"redis://:{GOOD}@redis:6379/0"
    assert told() == []
    return settings


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SECRET_KEY", "short", "hetri.E001"),
        ("CLAIM_KEY", "a" * 50, "hetri.E002"),
        ("MQTT_PASSWORD", "django-insecure-" + GOOD * 4, "hetri.E003"),
        ("PUBLIC_URL", "http://hetri.example", "hetri.E010"),
        ("PUBLIC_URL", "https://", "hetri.E010"),
        ("DEBUG", True, "hetri.E011"),
        ("ALLOWED_HOSTS", ["*"], "hetri.E012"),
        ("REDIS_URL", "redis://redis:6379/0", "hetri.E022"),
        ("REDIS_URL", "redis://:hetri-password-1@redis:6379/0", "hetri.E022"),
        ("REDIS_URL", f"redis://:{GOOD}@redis.example:6379/0", "hetri.E023"),
        ("REDIS_URL", f"rediss://:{GOOD}@redis.example:6379/0?ssl_cert_reqs=none", "hetri.E023"),
        ("CELERY_BROKER_URL", f"redis://:{GOOD}@10.0.0.7:6379/0", "hetri.E023"),
        ("MQTT_HOST", "broker.example", "hetri.E024"),
    ],
)
def test_a_weak_setting_is_refused(production: Any, name: str, value: object, expected: str) -> None:
    setattr(production, name, value)
    assert told() == [expected]


def test_a_file_that_is_named_and_not_there_is_refused(production: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HETRI_RELEASE_PUBLIC_KEYS", f"{__file__}, /etc/hetri/gone.pub")
    assert told() == ["hetri.E030"]


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"HOST": "db.example", "PASSWORD": GOOD}, ["hetri.E021"]),
        ({"HOST": "db.example", "PASSWORD": GOOD, "OPTIONS": {"sslmode": "require"}}, ["hetri.E021"]),
        ({"HOST": "db.example", "PASSWORD": GOOD, "OPTIONS": {"sslmode": "verify-full"}}, []),
        ({"HOST": "postgres", "PASSWORD": "postgres"}, ["hetri.E020"]),
        ({"HOST": "127.0.0.1", "PASSWORD": GOOD}, []),
        ({"HOST": "/run/postgresql"}, []),
    ],
)
def test_a_database_elsewhere_is_asked_for_its_certificate(
    production: Any, change: dict[str, object], expected: list[str]
) -> None:
    base = {"HOST": "", "USER": "hetri", "PASSWORD": "", "OPTIONS": {}}
    production.DATABASES = {"default": {**real.DATABASES["default"], **base, **change}}
    assert told() == expected


def test_a_process_does_not_start_with_weak_settings_and_says_what_to_set(production: Any) -> None:
    production.DEBUG, production.MQTT_HOST = True, "broker.example"
    with pytest.raises(SystemCheckError) as refused:
        call_command("await_start")
    assert "HETRI_DEBUG is on. Leave it out." in str(refused.value)
    assert "Set HETRI_MQTT_TLS=1 and its TLS port." in str(refused.value)


@pytest.mark.django_db
def test_a_process_starts_once_the_database_is_migrated(production: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    call_command("await_start")
    assert "waiting_for_migrations" not in caplog.text


@pytest.mark.django_db
def test_a_process_starts_once_the_static_files_have_their_names(production: Any, tmp_path: Path) -> None:
    hashed = {"BACKEND": "core.storage.HashedStorage"}
    production.STATIC_ROOT, production.STORAGES = tmp_path, {**real.STORAGES, "staticfiles": hashed}
    manifest, storage = tmp_path / "staticfiles.json", HashedStorage(location=tmp_path)
    threading.Timer(0.3, storage.save_manifest).start()
    assert not manifest.exists()
    call_command("await_start")
    assert manifest.exists()
