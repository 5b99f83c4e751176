"""What the commands about people share."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.helping import HELPS
from accounts.models import User
from core.commands import ServiceCommand


class PersonCommand(ServiceCommand):
    """Helps the person of an e-mail; subclasses name the help."""

    name = ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", help="whose account")

    def act(self, **options: Any) -> dict[str, object]:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(f"There is no account with the e-mail {options['email']!r}.")
        return {"email": user.email, "done": HELPS[self.name].run(user)}
