"""The groups of staff and what each may, made again after every migration: new models are covered by themselves."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from accounts.roles import OPERATE, OPERATIONS, REVEAL, SUPPORT

ROOMS = ("accounts", "core", "pets", "devices", "treats", "telemetry", "streaming", "firmware", "provisioning", "staff")


def _named(*permissions: str) -> Q:
    names = [permission.partition(".")[2] for permission in permissions]
    return Q(content_type__app_label="staff", codename__in=names)


def make_groups() -> None:
    """Support sees; operations see and act. What somebody added by hand is taken away again."""
    sees = Q(content_type__app_label__in=ROOMS, codename__startswith="view_") | _named(REVEAL)
    for name, rights in ((SUPPORT, sees), (OPERATIONS, sees | _named(OPERATE))):
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set(Permission.objects.filter(rights))


def on_migrated(**kwargs: Any) -> None:
    """Receiver of post_migrate, after Django made the permissions of this room, the last with models."""
    make_groups()
