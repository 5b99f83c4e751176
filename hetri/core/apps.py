from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.db.backends.signals import connection_created


class CoreConfig(AppConfig):
    name = "hetri.core"
    label = "core"
    default = True

    def ready(self) -> None:
        from hetri.core import audit

        connection_created.connect(audit.on_connection)


class StaffAdminConfig(admin_apps.AdminConfig):
    """Django's admin on Hetri's site."""

    default = False
    default_site = "hetri.core.site.StaffSite"
