"""Forms of the pages."""

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.signin import sign_in
from core.errors import BadCredentials, TooMany


class LoginForm(AuthenticationForm):
    """E-mail and password, through the same throttled sign-in as the API."""

    username = forms.CharField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )

    def clean(self) -> dict[str, object]:
        """Sign in, or say why not."""
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password and self.request is not None:
            try:
                self.user_cache = sign_in(request=self.request, email=email, password=password)
            except BadCredentials as error:
                raise ValidationError(_("E-mail or password is wrong.")) from error
            except TooMany as error:
                raise ValidationError(_("Too many tries. Wait five minutes, then try again.")) from error
        return self.cleaned_data


class TreatForm(forms.Form):
    """A treat without JavaScript."""

    portion = forms.IntegerField(min_value=1, max_value=5, initial=1)
    key = forms.CharField(max_length=64)
