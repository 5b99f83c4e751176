"""What our commands share: one line on bad input, JSON for scripts, an example in --help."""

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from core.errors import ApiError


class ServiceCommand(BaseCommand):
    """A command that calls a service. Subclasses set `example` and write `act`."""

    example = ""
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Add the example below the options; a wrong option is one line, without the usage."""
        kwargs.update(epilog=f"Example:  {self.example}", formatter_class=RawDescriptionHelpFormatter)
        parser = super().create_parser(prog_name, subcommand, **kwargs)

        def refuse(message: str) -> NoReturn:
            parser.exit(2, f"{subcommand}: {message}. See --help.\n")

        parser.error = refuse  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run `act`, print what it found; a refusal is one line and a non-zero exit."""
        try:
            answer = self.act(**options)
        except ApiError as refused:
            raise CommandError(str(refused)) from refused
        except OperationalError as away:
            raise CommandError("The database is away. Look what was done, then try again.") from away
        if options["as_json"]:
            self.stdout.write(json.dumps(answer))
        else:
            self.stdout.write(self.describe(answer))

    def act(self, **options: Any) -> dict[str, object]:
        """Do the work; the answer is what `--json` prints."""
        raise NotImplementedError

    def describe(self, answer: dict[str, object]) -> str:
        """The answer for people."""
        return "\n".join(f"{key}: {value}" for key, value in answer.items() if value is not None)
