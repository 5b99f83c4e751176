"""Refuses to start in production with a weak setting; each message says what to set.

A service counts as near when it is reached by a socket, the loopback, or a name without a dot (the containers' own
network). What is not near has to speak TLS.
"""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.checks import CheckMessage, Error, Tags, Warning, register

SECRET_LENGTH, PASSWORD_LENGTH, LETTERS = 40, 12, 12
SIGNUPS = ("open", "invite", "closed")
FILES = ("HETRI_TLS_CA", "HETRI_MQTT_CA", "HETRI_RELEASE_PUBLIC_KEYS")
SECRETS = {
    "HETRI_SECRET_KEY": "SECRET_KEY",
    "HETRI_CLAIM_KEY": "CLAIM_KEY",
    "HETRI_MQTT_PASSWORD": "MQTT_PASSWORD",
    "HETRI_HOOK_SECRET": "HOOK_SECRET",
    "HETRI_VIDEO_KEY": "VIDEO_KEY",
}


@register(Tags.security, deploy=True)
def check_secrets(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Secrets are long and not made of a few letters, and no two are the same."""
    found: list[CheckMessage] = []
    values = {name: getattr(settings, attribute) for name, attribute in SECRETS.items()}
    for number, (name, value) in enumerate(values.items()):
        poor = len(value) < SECRET_LENGTH or len(set(value)) < LETTERS or "insecure" in value
        if poor or list(values.values()).count(value) > 1:
            text = (
                f"{name} is short, weak or used twice. Set it to {SECRET_LENGTH} or more random characters of its own."
            )
            found.append(Error(text, id=f"hetri.E00{number + 1}"))
    return found


@register(Tags.security, deploy=True)
def check_public(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What the public reaches is TLS under a known name, and debugging is off."""
    found: list[CheckMessage] = []
    public = urlsplit(settings.PUBLIC_URL)
    if public.scheme != "https" or not public.hostname:
        found.append(Error("HETRI_URL must be https:// and your host's name.", id="hetri.E010"))
    if settings.DEBUG:
        found.append(Error("HETRI_DEBUG is on. Leave it out.", id="hetri.E011"))
    if any(host.startswith(("*", ".")) for host in settings.ALLOWED_HOSTS):
        found.append(Error("HETRI_ALLOWED_HOSTS lets any host in. Name each one.", id="hetri.E012"))
    if settings.SIGNUP not in SIGNUPS:
        found.append(Error(f"HETRI_SIGNUP must be one of {', '.join(SIGNUPS)}.", id="hetri.E014"))
    if public.hostname == "localhost":
        text = "HETRI_URL is localhost: nobody else reaches it. Set it to https:// and your host's name."
        found.append(Warning(text, id="hetri.W013"))
    return found


@register(Tags.security, deploy=True)
def check_staff(app_configs: Any, **kwargs: Any) -> list[Warning]:
    """Where everybody can try a password of staff, a password is not enough."""
    if settings.STAFF_SECOND_FACTOR or urlsplit(settings.PUBLIC_URL).hostname in settings.LOOPBACK:
        return []
    text = "Staff sign in with a password alone. Leave HETRI_STAFF_SECOND_FACTOR out, or set it to true."
    return [Warning(text, id="hetri.W012")]


@register(Tags.security, deploy=True)
def check_services(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Database, Redis and broker have passwords over TCP, and TLS when they are elsewhere."""
    found = [*_database(settings.DATABASES["default"])]
    for name, url in {"REDIS_URL": settings.REDIS_URL, "HETRI_CELERY_BROKER_URL": settings.CELERY_BROKER_URL}.items():
        found += _redis(name, url)
    if not (_is_near(settings.MQTT_HOST) or settings.MQTT_TLS):
        text = f"The broker at {settings.MQTT_HOST} is spoken to in plain. Set HETRI_MQTT_TLS=1 and its TLS port."
        found.append(Error(text, id="hetri.E024"))
    return found


@register(Tags.security, deploy=True)
def check_files(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What the environment names is there: a CA or key that is left out would be missed much later, by collars."""
    named = [(name, path.strip()) for name in FILES for path in os.environ.get(name, "").split(",") if path.strip()]
    return [
        Error(f"{name} names {path}, and no file is there. In containers it lies in HETRI_FILES.", id="hetri.E030")
        for name, path in named
        if not Path(path).is_file()
    ]


def _database(told: Mapping[str, Any]) -> list[CheckMessage]:
    host, found = str(told.get("HOST") or told["OPTIONS"].get("host") or ""), list[CheckMessage]()
    if _is_tcp(host) and _is_guessable(told["PASSWORD"], told["USER"]):
        text = f"DATABASE_URL has no password, or a weak one. Give its user one of {PASSWORD_LENGTH} random characters."
        found.append(Error(text, id="hetri.E020"))
    if not _is_near(host) and told["OPTIONS"].get("sslmode") != "verify-full":
        text = f"The database at {host} may be anyone. Add ?sslmode=verify-full to DATABASE_URL (and sslrootcert=FILE)."
        found.append(Error(text, id="hetri.E021"))
    return found


def _redis(name: str, url: str) -> list[CheckMessage]:
    there, found = urlsplit(url), list[CheckMessage]()
    if "unix" in there.scheme or "socket" in there.scheme:
        return []
    host, asked = there.hostname or "", parse_qs(there.query).get("ssl_cert_reqs", ["required"])
    if _is_guessable(there.password or "", there.username or ""):
        text = f"{name} has no password, or a weak one. Set Redis' requirepass to {PASSWORD_LENGTH} random characters."
        found.append(Error(text, id="hetri.E022"))
    if not _is_near(host) and (there.scheme != "rediss" or asked[0].lower() not in ("required", "cert_required")):
        text = f"Redis at {host} is spoken to in plain or may be anyone. Begin {name} with rediss://."
        found.append(Error(text, id="hetri.E023"))
    return found


def _is_tcp(host: str) -> bool:
    return bool(host) and not host.startswith("/")


def _is_guessable(password: str, user: str) -> bool:
    plain = password.lower()
    common = any(known in plain for known in ("password", "changeme", "hetri")) or plain == user.lower()
    poor = len(password) < PASSWORD_LENGTH or len(set(password)) < PASSWORD_LENGTH // 2
    return poor or common or plain in CommonPasswordValidator().passwords


def _is_near(host: str) -> bool:
    if not _is_tcp(host) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." not in host
