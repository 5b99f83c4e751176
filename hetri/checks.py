"""Refuses to start in production with a weak setting; each message says what to set."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register

SECRET_LENGTH = 40
SECRETS = {
    "HETRI_SECRET_KEY": "SECRET_KEY",
    "HETRI_CLAIM_KEY": "CLAIM_KEY",
    "HETRI_MQTT_PASSWORD": "MQTT_PASSWORD",
    "HETRI_HOOK_SECRET": "HOOK_SECRET",
    "HETRI_VIDEO_KEY": "VIDEO_KEY",
}


@register(Tags.security, deploy=True)
def check_secrets(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Secrets are long, and no two are the same."""
    found = []
    values = {name: getattr(settings, attribute) for name, attribute in SECRETS.items()}
    for number, (name, value) in enumerate(values.items()):
        if len(value) < SECRET_LENGTH or list(values.values()).count(value) > 1:
            text = f"{name} is short, or used twice. Set it to {SECRET_LENGTH} or more random characters of its own."
            found.append(Error(text, id=f"hetri.E00{number + 1}"))
    return found


@register(Tags.security, deploy=True)
def check_public(app_configs: Any, **kwargs: Any) -> list[Error]:
    """What the public reaches is TLS, and debugging is off."""
    found = []
    if not settings.PUBLIC_URL.startswith("https://"):
        found.append(Error("HETRI_URL must begin with https://.", id="hetri.E010"))
    if settings.DEBUG:
        found.append(Error("HETRI_DEBUG is on. Leave it out.", id="hetri.E011"))
    return found


@register(Tags.security, deploy=True)
def check_staff(app_configs: Any, **kwargs: Any) -> list[Warning]:
    """Where everybody can try a password of staff, a password is not enough."""
    if settings.STAFF_SECOND_FACTOR or urlsplit(settings.PUBLIC_URL).hostname in settings.LOOPBACK:
        return []
    text = "Staff sign in with a password alone. Leave HETRI_STAFF_SECOND_FACTOR out, or set it to true."
    return [Warning(text, id="hetri.W012")]
