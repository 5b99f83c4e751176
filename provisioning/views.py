"""One collar, made by hand: its password, and its claim code when it is nobody's, are on the answer only."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.admin_access import person
from accounts.roles import OPERATE
from broker.credentials import new_claim_code
from core.errors import ApiError
from devices.services import ownership
from provisioning.forms import CollarForm


def provision_page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """GET asks, POST makes the collar and shows its secrets."""
    person(request, OPERATE)
    form = CollarForm(request.POST if request.method == "POST" else None)
    context: dict[str, object] = {**site.each_context(request), "title": "Provision a collar", "form": form}
    if form.is_valid():
        given = form.cleaned_data
        code = "" if given["owner"] else new_claim_code()
        try:
            device, credential = ownership.provision(
                name=given["name"] or "Collar", owner=given["owner"], claim_code=code, key=given["key"]
            )
        except ApiError as refused:
            form.add_error(None, str(refused))
        else:
            context |= {"device": device, "mqtt": credential.public(), "code": code}
    return TemplateResponse(request, "provisioning/provision.html", context)
