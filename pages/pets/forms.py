"""Forms of a pet's pages."""
# ruff: noqa: RUF001  (people read typographic apostrophes)

from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from core.names import require_visible
from pets.decode import MAX_BYTES
from pets.models import Pet

SPECIES = (("dog", _("Dog")), ("cat", _("Cat")), ("other", _("Another animal")))
OLD_NAMES = ("Etc/", "SystemV/", "US/", "posix/", "right/", "Brazil/", "Canada/", "Chile/", "Mexico/")
ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith(OLD_NAMES))


class PetForm(forms.ModelForm[Pet]):
    class Meta:
        model = Pet
        fields = ["name", "species", "birthdate", "time_zone", "treats_per_day", "kcal_per_portion"]
        labels = {
            "name": _("Name"),
            "birthdate": _("Born"),
            "treats_per_day": _("Portions a day"),
            "kcal_per_portion": _("kcal in a portion"),
        }
        help_texts = {
            "birthdate": _("Empty: not known."),
            "treats_per_day": _("Counts treats from every collar and person. Empty: no limit."),
            "kcal_per_portion": _("It’s on the bag. Empty: not known."),
        }

    species = forms.ChoiceField(label=_("Species"), choices=SPECIES)
    time_zone = forms.ChoiceField(
        label=_("Time zone"), help_text=_("The day, and the budget, start at 00:00 there."), initial="UTC"
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        names = sorted({*ZONES, "UTC", self.instance.time_zone})
        self.fields["time_zone"].choices = [(name, name.replace("_", " ")) for name in names]  # type: ignore[attr-defined]
        self.fields["birthdate"].widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        if self.instance._state.adding:
            self.initial["species"] = "dog"
            self.fields["time_zone"].widget.attrs["data-guess-zone"] = "yes"

    def clean_name(self) -> str:
        """One that can be seen."""
        name: str = self.cleaned_data["name"]
        require_visible(name)
        return name

    def clean_birthdate(self) -> object:
        """Within the life of a pet."""
        born = self.cleaned_data["birthdate"]
        if born and born.year < 1950:
            raise ValidationError(_("This day cannot be right."))
        return born


class PictureForm(forms.Form):
    picture = forms.FileField(
        label=_("Picture"),
        max_length=200,
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        help_text=_("JPEG, PNG or WebP, up to 12 MB. Where and when it was taken is not kept."),
    )

    def clean_picture(self) -> UploadedFile[bytes]:
        """Small enough to look at."""
        file: UploadedFile[bytes] = self.cleaned_data["picture"]
        if (file.size or 0) > MAX_BYTES:
            raise ValidationError(_("This file is larger than 12 MB."))
        return file
