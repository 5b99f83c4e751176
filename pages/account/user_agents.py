"""Which device a session is on, in words, as far as it says so itself."""

from django.utils.translation import gettext as _

from accounts.models import UserSession

# The first that is found: Edge and Chrome call themselves Safari, too.
BROWSERS = (("Edg", "Edge"), ("Firefox", "Firefox"), ("OPR", "Opera"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def describe(session: UserSession) -> str:
    """`Firefox, Android`; a program is one by its kind."""
    if session.kind == UserSession.Kind.API:
        return _("A program, by the API")
    names = (_first(BROWSERS, session.user_agent), _first(SYSTEMS, session.user_agent))
    return ", ".join(filter(None, names)) or _("A browser")


def _first(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for mark, name in known if mark in text), "")
