import asyncio
from typing import Any

from django.core.management.base import BaseCommand

from streaming.relay.process import run


class Command(BaseCommand):
    help = (
        "The fast view's relay, and the keeper of streams and viewings; runs until SIGTERM.  "
        "Example:  ./dev manage relay"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(run())
