from typing import Any

from broker.registry import registry
from core.commands import ServiceCommand


class Command(ServiceCommand):
    help = "Make the broker's files from the database again; mends a lost or damaged file."
    example = "manage.py sync_broker"

    def act(self, **options: Any) -> dict[str, object]:
        return {"changed": registry().sync()}
