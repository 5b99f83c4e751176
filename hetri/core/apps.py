from django.apps import AppConfig
from django.db.backends.signals import connection_created


class CoreConfig(AppConfig):
    name = "hetri.core"
    label = "core"

    def ready(self) -> None:
        from hetri.core import audit

        connection_created.connect(audit.on_connection)
