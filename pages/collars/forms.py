"""Forms of a collar's pages."""
# ruff: noqa: RUF001  (people read typographic apostrophes)

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from core.names import require_visible
from devices.config import INTERVAL_MAX_S, INTERVAL_MIN_S
from devices.models import Device
from pets.models import Pet

INTERVALS_S = (10, 30, 60, 300, 900, 3600)


class WearerForm(forms.Form):
    """A collar's name and who wears it."""

    name = forms.CharField(label=_("Name of the collar"), max_length=80, validators=[require_visible])
    pet = forms.ModelChoiceField(
        label=_("Who wears it?"),
        queryset=Pet.objects.none(),
        required=False,
        empty_label=_("Nobody yet"),
    )

    def __init__(self, *args: Any, owner: User | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        pets = Pet.objects.visible_to(owner).order_by("name") if owner else Pet.objects.none()
        self.fields["pet"].queryset = pets  # type: ignore[attr-defined]


class ClaimForm(WearerForm):
    """The code of the tag comes first; without a name the collar keeps its own."""

    code = forms.CharField(
        label=_("Claim code"),
        max_length=40,
        help_text=_("Capitals and the dash don’t matter."),
        widget=forms.TextInput(
            attrs={"class": "code", "autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    field_order = ("code", "name", "pet")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = False
        self.fields["name"].help_text = _("Empty: it keeps the name that it has.")


class SettingsForm(WearerForm):
    """What the collar is called and what it is told."""

    interval = forms.TypedChoiceField(
        label=_("How often it reports"), coerce=int, help_text=_("More often means less time on one charge.")
    )
    camera = forms.ChoiceField(
        label=_("Camera"),
        choices=[("on_demand", _("On when somebody watches")), ("off", _("Off: no one can watch"))],
    )

    def __init__(self, *args: Any, device: Device, **kwargs: Any) -> None:
        now = int(device.config["telemetry_interval_s"])
        kept = {"name": device.name, "pet": device.pet, "interval": now, "camera": device.config["camera"]}
        super().__init__(*args, owner=device.owner, initial=kept, **kwargs)
        choices = sorted({*INTERVALS_S, min(max(now, INTERVAL_MIN_S), INTERVAL_MAX_S)})
        if not device.has_camera:
            del self.fields["camera"]
        self.fields["interval"].choices = [(seconds, _each(seconds)) for seconds in choices]  # type: ignore[attr-defined]

    def changes(self) -> dict[str, object]:
        """As `update_device` takes them."""
        given = self.cleaned_data
        config = {"telemetry_interval_s": given["interval"]}
        if "camera" in given:
            config["camera"] = given["camera"]
        return {"name": given["name"], "pet": given["pet"], "config": config}


def _each(seconds: int) -> str:
    if seconds % 60:
        return ngettext("Every second", "Every {n} s", seconds).format(n=seconds)
    return ngettext("Every minute", "Every {n} min", seconds // 60).format(n=seconds // 60)


class SupportForm(forms.Form):
    """For how long support may watch."""

    minutes = forms.TypedChoiceField(label=_("For how long?"), coerce=int, initial=60)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(15, _("15 minutes")), (60, _("An hour")), (24 * 60, _("A day"))]
        self.fields["minutes"].choices = choices  # type: ignore[attr-defined]


class RemoveForm(forms.Form):
    """The name, typed, so that nobody removes the wrong one."""

    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, device: Device, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.device = device
        self.fields["name"].label = _("Type the name of the collar: {name}").format(name=device.name)

    def clean_name(self) -> str:
        """The same but for case and blanks around it."""
        typed: str = self.cleaned_data["name"]
        if typed.strip().casefold() != self.device.name.strip().casefold():
            raise ValidationError(_("This is not its name."))
        return typed
