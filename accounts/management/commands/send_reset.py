from accounts.management.commands._people import PersonCommand


class Command(PersonCommand):
    name = "send_reset"
    help = "Mail a person a link to choose a new password."
    example = "manage.py send_reset alice@example.com"
