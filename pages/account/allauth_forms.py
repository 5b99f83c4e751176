"""allauth's own forms in Hetri's words: a label above each field, no placeholder, one hint for a password."""

from typing import Any
from uuid import uuid4

from allauth.account import forms as allauth
from allauth.account.models import EmailAddress
from allauth.core import context
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.invitations import invited_address
from accounts.models import User
from pages.account.forms import check

CONFIRMING = "confirming"  # of a session: the address that a link was sent to
LABELS = {
    "email": _("E-mail"),
    "password": _("Password"),
    "password1": _("Password"),
    "oldpassword": _("Your present password"),
    "password2": _("The new password again"),
}
HINT = _("At least 10 characters, not a common password")


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
    """Takes as long for an address that has an account."""

    field_order = ("name", "email", "password1")
    hashed_password = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].initial = invited_address(context.request)

    def clean_email(self) -> str:
        """The address that was invited, where that is needed."""
        email: str = super().clean_email()
        if settings.SIGNUP == "invite" and email.lower() != invited_address(context.request):
            raise ValidationError(_("The invitation is for another address."))
        return email

    def try_save(self, request: HttpRequest) -> Any:
        """allauth's: the new person, or the answer to an address that is known. Raises Busy, with nothing written."""
        request.session[CONFIRMING] = self.cleaned_data["email"]
        self.hashed_password = make_password(self.cleaned_data["password1"])
        with transaction.atomic():
            if self.account_already_exists:
                self._write_in_vain()
            return super().try_save(request)

    def _write_in_vain(self) -> None:
        """What a new account writes, taken back."""
        undone = transaction.savepoint()
        user = User.objects.create(email=f"{uuid4().hex}@localhost", name="-", password=self.hashed_password)
        EmailAddress.objects.create(user=user, email=user.email, primary=True)
        transaction.savepoint_rollback(undone)


class _KeyForNobody(PasswordResetTokenGenerator):
    """Asks what allauth's asks of a person, and writes nothing."""

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        value = super()._make_hash_value(user, timestamp)
        known = EmailAddress.objects.filter(user_id=user.pk)
        return f"{value}{known.filter(email=user.email).exists()}{list(known.values_list('email', flat=True))}"


class ResetForm(InOurWords, allauth.ResetPasswordForm):  # type: ignore[misc]
    """Asks for the address, and takes as long for one that nobody has."""

    users: list[User]

    def save(self, request: HttpRequest, **options: Any) -> str:
        """Write to whoever has the address."""
        if not self.users:
            self.users = [User.standing_in(self.cleaned_data["email"])]
            options["token_generator"] = _KeyForNobody()
        email: str = super().save(request, **options)
        return email


class ResetKeyForm(InOurWords, allauth.ResetPasswordKeyForm):  # type: ignore[misc]
    labels = {"password1": _("The new password")}


class ChangeForm(InOurWords, allauth.ChangePasswordForm):  # type: ignore[misc]
    labels = {"password1": _("The new password")}

    def clean_oldpassword(self) -> str:
        """The present one. Raises Busy, too."""
        password: str = self.cleaned_data["oldpassword"]
        check(self.user, password, wrong=_("This is not your present password."))
        return password


class AgainForm(InOurWords, allauth.ReauthenticateForm):  # type: ignore[misc]
    """The password once more."""

    def clean_password(self) -> str:
        """The right one. Raises Busy, too."""
        password: str = self.cleaned_data["password"]
        check(self.user, password, wrong=_("The password is wrong."))
        return password
