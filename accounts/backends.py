"""Who may sign in with a password, and which rooms of the admin open."""

from typing import Any

from django.contrib.auth.backends import ModelBackend


class EmailBackend(ModelBackend):
    """Django's own backend: staff have what their groups give, admins everything."""

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return bool(user_obj.is_active and user_obj.is_staff) or super().has_module_perms(user_obj, app_label)
