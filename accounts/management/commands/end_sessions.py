from accounts.management.commands._people import PersonCommand


class Command(PersonCommand):
    name = "end_sessions"
    help = "Sign a person out everywhere, programs included."
    example = "manage.py end_sessions alice@example.com"
