"""allauth's forms of the second factor: codes are figures, on a phone too."""

from typing import Any

from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django.utils.translation import gettext_lazy as _


class _Figures:
    """Put it before one of allauth's forms."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = self.fields["code"]
        code.label = _("Code")
        code.widget.attrs.pop("placeholder", None)
        code.widget.attrs["inputmode"] = "numeric"


class CodeForm(_Figures, AuthenticateForm):  # type: ignore[misc]
    """A code at the login."""


class CodeAgainForm(_Figures, ReauthenticateForm):  # type: ignore[misc]
    """A code before something that matters."""


class FirstCodeForm(_Figures, ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an authenticator app."""
