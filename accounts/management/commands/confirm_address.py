from accounts.management.commands._people import PersonCommand


class Command(PersonCommand):
    name = "confirm_address"
    help = "Take a person's e-mail address as confirmed: for who cannot get mail."
    example = "manage.py confirm_address alice@example.com"
