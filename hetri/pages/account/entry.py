"""allauth's own forms in Hetri's words: a label above each field, no placeholder, one hint for a password."""

from typing import Any

from allauth.account import forms as allauth
from django.utils.translation import gettext_lazy as _

LABELS = {
    "email": _("E-mail"),
    "password": _("Password"),
    "password1": _("Password"),
    "oldpassword": _("Your present password"),
    "password2": _("The new password again"),
}
HINT = _("At least 10 characters, and none that everybody uses.")


class InOurWords:
    """Put it before one of allauth's forms."""

    labels: dict[str, Any] = {}
    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = {**LABELS, **self.labels}.get(name, field.label)
            field.help_text = HINT if name == "password1" else ""


class SignupForm(InOurWords, allauth.SignupForm):  # type: ignore[misc]
    field_order = ("name", "email", "password1")


class ResetForm(InOurWords, allauth.ResetPasswordForm):  # type: ignore[misc]
    """Asks for the address."""


class ResetKeyForm(InOurWords, allauth.ResetPasswordKeyForm):  # type: ignore[misc]
    labels = {"password1": _("The new password")}


class ChangeForm(InOurWords, allauth.ChangePasswordForm):  # type: ignore[misc]
    labels = {"password1": _("The new password")}


class AgainForm(InOurWords, allauth.ReauthenticateForm):  # type: ignore[misc]
    """The password once more."""
