from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class CoreConfig(AppConfig):
    name = "hetri.core"
    label = "core"
    default = True


class StaffAdminConfig(admin_apps.AdminConfig):
    """Django's admin on Hetri's site."""

    default = False
    default_site = "hetri.core.site.StaffSite"
