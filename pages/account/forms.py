"""Forms of the account's pages."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.signin import prove_password
from core.context import THEMES
from core.errors import BadPassword, TooMany
from core.names import require_visible


def check(user: User, password: str, *, wrong: Any) -> None:
    """Raise ValidationError unless it is the password of somebody who is signed in; each wrong one counts."""
    try:
        prove_password(user=user, password=password)
    except BadPassword as refused:
        raise ValidationError(wrong) from refused
    except TooMany as refused:
        raise ValidationError(_("Too many tries. Wait five minutes, then try again.")) from refused


class NameForm(forms.Form):
    """What sign-up asks beside e-mail and password, which allauth adds (ACCOUNT_SIGNUP_FORM_CLASS)."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=80,
        validators=[require_visible],
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )

    def signup(self, request: HttpRequest, user: User) -> None:
        """All is saved by the adapter."""


class ProfileForm(forms.ModelForm[User]):
    class Meta:
        model = User
        fields = ["name"]
        labels = {"name": _("Your name")}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}

    def clean_name(self) -> str:
        """One that can be seen."""
        name: str = self.cleaned_data["name"]
        require_visible(name)
        return name


class LookForm(forms.Form):
    """Language and theme; they belong to the browser, not to the person."""

    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    theme = forms.ChoiceField(
        label=_("Theme"),
        required=False,
        choices=[("", _("As the device")), *zip(THEMES, (_("Light"), _("Dark")), strict=True)],
    )


class PasswordForm(forms.Form):
    """The password once more, before something that cannot be undone."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_password(self) -> str:
        """The right one. Raises Busy, too."""
        password: str = self.cleaned_data["password"]
        check(self.user, password, wrong=_("The password is wrong."))
        return password
