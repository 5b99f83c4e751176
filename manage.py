#!/usr/bin/env python
"""Django's command line, with Hetri's settings."""

import os
import sys


def main() -> None:
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hetri.settings")
    from django.core.management import execute_from_command_line

    from core import audit, logs

    audit.door.set("command")
    logs.request_id.set(f"{'-'.join(sys.argv[1:2])}-{os.getpid()}"[:64])

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
