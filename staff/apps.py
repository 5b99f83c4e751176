from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.db.models.signals import post_migrate


class StaffConfig(AppConfig):
    name = "staff"
    label = "staff"
    default = True

    def ready(self) -> None:
        from core import audit
        from core.signals import exporting
        from staff import audited
        from staff.audit_log import on_export
        from staff.groups import on_migrated

        exporting.connect(on_export)
        post_migrate.connect(on_migrated, sender=self)
        post_migrate.connect(audited.on_migrated, sender=self)
        audit.watch(audited.TABLES)


class StaffAdminConfig(admin_apps.AdminConfig):
    """Django's admin on Hetri's site."""

    default = False
    default_site = "staff.site.StaffSite"
