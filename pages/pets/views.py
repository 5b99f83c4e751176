"""A pet over all collars that it wore, its picture, and the form of what is known of it."""

from datetime import date
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.roles import may
from core.errors import ApiError
from core.times import now
from devices.models import Device
from pages import presenters
from pages.lookups import pet_for
from pages.pets import week
from pages.pets.forms import SPECIES, PetForm, PictureForm
from pages.viewer import viewer
from pets import services
from pets.models import Pet, PetPicture
from pets.pictures import remove_picture, set_picture
from telemetry.services.days import days_of_pet
from treats.services.budget import portions_used

form_page = require_http_methods(["GET", "HEAD", "POST"])
BUDGET_DOTS = 20


@require_safe
@never_cache
@login_required
def pet_list(request: HttpRequest) -> HttpResponse:
    """My pets."""
    mine = Pet.objects.visible_to(viewer(request)).order_by("name")
    worn = Device.objects.in_use().filter(owner=viewer(request)).exclude(pet=None).order_by("name")
    collars: dict[UUID | None, list[Device]] = {}
    for collar in worn:
        collars.setdefault(collar.pet_id, []).append(collar)
    rows = [_row(pet, collars.get(pet.pk, [])) for pet in mine]
    return render(request, "pets/list.html", {"rows": rows, "tab": "pets"})


def _row(pet: Pet, collars: list[Device]) -> tuple[presenters.PetFace, Pet, list[str]]:
    return presenters.face_of_pet(pet, collars[0] if collars else None), pet, [collar.name for collar in collars]


@require_safe
@never_cache
@login_required
def pet_detail(request: HttpRequest, pet_id: UUID) -> HttpResponse:
    """This week beside last week, the budget, what is known."""
    found, at = pet_for(request, pet_id), now()
    collars = list(Device.objects.in_use().filter(pet=found, owner=found.owner).order_by("name"))
    _monday, start = week.bounds(at, found.time_zone)
    days = days_of_pet(pet=found, start=start, end=at)
    interval = max((int(collar.config["telemetry_interval_s"]) for collar in collars), default=60)
    used = portions_used(found, at)
    context = {
        "pet": found,
        "face": presenters.face_of_pet(found, collars[0] if collars else None),
        "collars": collars,
        "week": week.draw(week.Told(days, at, found.time_zone, interval)),
        "base": week.BASE,
        "top": week.TOP,
        "week_height": week.BASE - week.TOP,
        "species": dict(SPECIES)[found.species],
        "budget": _budget(found, used),
        "age": age(found.birthdate, at.date()),
        "picture_form": PictureForm(),
        "tab": "pets",
    }
    return render(request, "pets/pet.html", context)


def _budget(found: Pet, used: int) -> dict[str, object]:
    per_day, kcal = found.treats_per_day, found.kcal_per_portion
    left = None if per_day is None else max(0, per_day - used)
    dots = [number < (left or 0) for number in range(per_day)] if per_day and per_day <= BUDGET_DOTS else []
    return {
        "used": used,
        "per_day": per_day,
        "dots": dots,
        "kcal_used": _number(used * kcal) if kcal is not None else None,
        "kcal_day": _number(per_day * kcal) if kcal is not None and per_day is not None else None,
        "kcal": _number(kcal) if kcal is not None else None,
    }


def _number(value: float) -> float:
    """To a tenth, and without one where there is none."""
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded


def age(born: date | None, today: date) -> str:
    """`4 years and 2 months`, `5 months`; empty when it is not known."""
    if born is None or born > today:
        return ""
    months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
    years, rest = divmod(months, 12)
    parts = []
    if years:
        parts.append(ngettext("{n} year", "{n} years", years).format(n=years))
    if rest or not years:
        parts.append(ngettext("{n} month", "{n} months", rest).format(n=rest))
    return _(" and ").join(parts)


def _next(request: HttpRequest) -> str | None:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else None


def _with_pet(wanted: str | None, made: Pet) -> str | None:
    """Where a pet was needed, with the new one chosen."""
    if wanted is None:
        return None
    parts = urlsplit(wanted)
    asked = QueryDict(parts.query, mutable=True)
    asked["pet"] = str(made.pk)
    return parts._replace(query=asked.urlencode()).geturl()


@form_page
@never_cache
@login_required
def pet_add(request: HttpRequest) -> HttpResponse:
    """A new pet; `next` leads back to where one was needed."""
    form = PetForm(request.POST or None, instance=Pet(owner=viewer(request)))
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_pet(owner=viewer(request), fields=form.cleaned_data)
        except ApiError as refused:
            form.add_error(None, refused.detail)
        else:
            return redirect(_with_pet(_next(request), made) or reverse("pet", args=[made.pk]))
    return render(request, "pets/form.html", {"form": form, "next": _next(request) or "", "tab": "pets"})


@form_page
@never_cache
@login_required
def pet_edit(request: HttpRequest, pet_id: UUID) -> HttpResponse:
    """Change what is known; its collars are told when the time zone moved."""
    found = pet_for(request, pet_id)
    form = PetForm(request.POST or None, instance=pet_for(request, pet_id))
    if request.method == "POST" and form.is_valid():
        services.update_pet(pet=found, changes=form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("pet", pet_id)
    return render(request, "pets/form.html", {"form": form, "pet": found, "tab": "pets"})


@form_page
@never_cache
@login_required
def pet_remove(request: HttpRequest, pet_id: UUID) -> HttpResponse:
    """Delete a pet that wears no collar."""
    found = pet_for(request, pet_id)
    if request.method == "POST":
        try:
            services.delete_pet(pet=found)
        except ApiError as refused:
            messages.error(request, refused.detail)
        else:
            messages.success(request, _("{name} is removed.").format(name=found.name))
            return redirect("pets")
    return render(request, "pets/remove.html", {"pet": found, "tab": "pets"})


@form_page
@login_required
def change_picture(request: HttpRequest, pet_id: UUID) -> HttpResponse:
    """A new picture, or none."""
    found = pet_for(request, pet_id)
    if request.method == "POST" and "remove" in request.POST:
        remove_picture(pet=found)
        return redirect("pet", pet_id)
    form, refused = PictureForm(request.POST or None, request.FILES or None), None
    if request.method == "POST" and form.is_valid():
        try:
            set_picture(pet=found, file=form.cleaned_data["picture"])
            return redirect("pet", pet_id)
        except ApiError as error:
            refused = error
            form.add_error("picture", error.detail)
    context = {"form": form, "pet": found, "tab": "pets"}
    answer = render(request, "pets/picture.html", context, status=refused.status if refused else 200)
    if refused and refused.retry_after:
        answer["Retry-After"] = str(refused.retry_after)
    return answer


@require_safe
@cache_control(private=True, max_age=31_536_000, immutable=True)
@login_required
def pet_picture(request: HttpRequest, pet_id: UUID, digest: str) -> HttpResponse:
    """The picture of this name: another content has another name. Staff see it, too."""
    wanted = PetPicture.objects.filter(pet=pet_id, pet__picture_digest=digest)
    user = viewer(request)
    found = (wanted if may(user, "pets.view_petpicture") else wanted.filter(pet__owner=user)).first()
    if found is None:
        raise Http404
    return HttpResponse(bytes(found.content), content_type="image/webp", headers={"X-Content-Type-Options": "nosniff"})
