"""Names that people give to pets, collars and themselves."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# What fonts draw as nothing, though Unicode counts it among letters, marks and signs.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def is_blank(text: str) -> bool:
    """Whether nothing of it can be seen: blanks, controls, joiners, selectors."""
    return all(_is_unseen(letter) for letter in text)


def require_visible(name: str) -> None:
    """Validator of forms and serializers. Raises ValidationError for a name of which nothing can be seen."""
    if is_blank(name):
        raise ValidationError(_("A name needs at least one letter that can be seen."), code="blank")


def _is_unseen(letter: str) -> bool:
    if letter in _BLANK or "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef":
        return True
    return unicodedata.category(letter) in {"Zs", "Zl", "Zp", "Cc", "Cf"}
