from django.apps import AppConfig
from django.db.models.signals import post_migrate


class StaffConfig(AppConfig):
    name = "hetri.staff"
    label = "staff"

    def ready(self) -> None:
        from hetri.staff.groups import on_migrated

        post_migrate.connect(on_migrated, sender=self)
