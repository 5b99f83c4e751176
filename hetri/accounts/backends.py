"""Who may sign in with a password, and what staff may see in the admin."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import Model

from hetri.accounts.models import Role


class EmailBackend(ModelBackend):
    """Django's own backend; staff may look at everything in the admin, admins may change what is open to change."""

    def has_perm(self, user_obj: Any, perm: str, obj: Model | None = None) -> bool:
        if user_obj.is_active and user_obj.role == Role.STAFF and perm.partition(".")[2].startswith("view_"):
            return True
        return super().has_perm(user_obj, perm, obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return bool(user_obj.is_active and user_obj.is_staff) or super().has_module_perms(user_obj, app_label)
