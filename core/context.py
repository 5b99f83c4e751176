"""What every template may ask for."""

from django.http import HttpRequest

THEME_COOKIE = "theme"
THEMES = ("light", "dark")


def look(request: HttpRequest) -> dict[str, str]:
    """`theme`: the one that the viewer chose; empty follows the device."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return {"theme": chosen if chosen in THEMES else ""}
