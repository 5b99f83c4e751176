from accounts.management.commands._people import PersonCommand


class Command(PersonCommand):
    name = "drop_second_factor"
    help = "Take away a lost second factor with its recovery codes, and end all sign-ins."
    example = "manage.py drop_second_factor alice@example.com"
