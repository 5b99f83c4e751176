"""What staff fill in to make collars. A form carries the id of what it makes: a reload makes nothing twice."""

from django import forms
from django.core.exceptions import ValidationError

from accounts.models import User
from core.ids import uuid7
from provisioning.services.batches import MOST


def _printable(text: str) -> None:
    if not text.isprintable():
        raise ValidationError("Use letters, digits, signs and spaces only.")


class CollarForm(forms.Form):
    """One collar."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    name = forms.CharField(
        label="Name", max_length=80, required=False, validators=[_printable], help_text="Empty: Collar."
    )
    owner = forms.EmailField(
        label="Owner's e-mail",
        required=False,
        help_text="Empty: the collar is nobody's, and gets a claim code.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def clean_owner(self) -> User | None:
        """The person of that e-mail."""
        email = self.cleaned_data["owner"].lower()
        found = User.objects.filter(email=email, is_active=True).first() if email else None
        if email and found is None:
            raise ValidationError("Nobody has this e-mail.")
        return found


class BatchForm(forms.Form):
    """Many collars."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    size = forms.IntegerField(
        label="How many",
        min_value=1,
        max_value=MOST,
        help_text=f"1 to {MOST}.",
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), f"A batch has 1 to {MOST} collars."),
    )
    name = forms.CharField(
        label="Name of each",
        initial="Collar",
        max_length=60,
        validators=[_printable],
        help_text="The label follows: Collar becomes Collar B12-007. A new owner may change it.",
    )
