from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email

from accounts.invitations import invite
from core.commands import ServiceCommand


class Command(ServiceCommand):
    help = "Invite somebody to sign up, for HETRI_SIGNUP=invite: prints the link, and mails it. It is good for 14 days."
    example = "manage.py invite_person alice@example.com"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", help="whom; the account has to be of this address")

    def act(self, **options: Any) -> dict[str, object]:
        try:
            validate_email(options["email"])
        except ValidationError as error:
            raise CommandError(f"{options['email']!r} is no e-mail address.") from error
        return {"email": options["email"], "link": invite(options["email"])}
