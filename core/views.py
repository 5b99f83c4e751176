"""Answers that belong to no room: errors outside any view, health."""

import json
import sys
from http import HTTPStatus
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from core.api import headers_of, refusal_response, to_api_error
from core.errors import ApiError, CsrfFailed, NotFound
from core.paths import is_page

WITH_PAGES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


FORM_SENT = ("CSRF cookie not set.", "CSRF token from POST")  # how Django's reasons for a stale form begin


def wants_page(request: HttpRequest) -> bool:
    """Whether a person in a browser asks, or a program. Who takes either is judged by the path."""
    if request.headers.get("Sec-Fetch-Dest") == "document":
        return True
    kinds = ["text/html", "application/json"] if is_page(request.path) else ["application/json", "text/html"]
    return (request.get_preferred_type(kinds) or kinds[0]) == "text/html"


def answer_refusal(request: HttpRequest, refusal: ApiError) -> HttpResponse:
    """A refusal as who asked can read it: a page or JSON."""
    if not wants_page(request):
        return refusal_response(refusal)
    answer = _error_page(request, int(refusal.status), str(refusal.detail))
    for name, value in headers_of(refusal).items():
        answer[name] = value
    return answer


def _error_page(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    template = f"{status if status in WITH_PAGES else 500 if status >= 500 else 'refused'}.html"
    signed_out = (
        request.get_full_path() if status == HTTPStatus.NOT_FOUND and request.path.startswith("/admin/") else ""
    )
    context = {"detail": detail, "request_id": getattr(request, "request_id", ""), "to_sign_in_for": signed_out}
    return render(request, template, context, status=status)


def as_page(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """What a program would be told, as a page for a person who opened this address: any refusal that is no HTML yet."""
    said = response.headers.get("Content-Type", "").startswith("text/html") and bool(getattr(response, "content", b""))
    if response.status_code < HTTPStatus.BAD_REQUEST or said or not wants_page(request):
        return response
    page = _error_page(request, response.status_code, _detail_of(response))
    for name, value in response.headers.items():
        if name not in {"Content-Type", "Content-Length"}:
            page.headers.setdefault(name, value)
    page.cookies.update(response.cookies)
    return page


def _detail_of(response: HttpResponseBase) -> str:
    """The sentence that stands in our JSON, if it is ours."""
    try:
        return str(json.loads(getattr(response, "content", b"") or b"{}")["detail"])
    except (ValueError, TypeError, LookupError):
        return ""


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: a request that is not well-formed."""
    return answer_refusal(request, to_api_error(exception) or ApiError())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    refusal = ApiError(_("Your role does not allow this."), code="forbidden")
    refusal.status = HTTPStatus.FORBIDDEN
    return answer_refusal(request, refusal)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    if wants_page(request) and reason.startswith(FORM_SENT) and "csrfmiddlewaretoken" in request.POST:
        return _lead_anew(request)
    return answer_refusal(request, CsrfFailed())


def _lead_anew(request: HttpRequest) -> HttpResponse:
    """A form that was open before somebody signed in or out: its page again, which says so."""
    shown, host = request.headers.get("Referer", ""), {request.get_host()}
    if url_has_allowed_host_and_scheme(shown, host, require_https=request.is_secure()):
        parts = urlsplit(shown)
        shown = parts._replace(scheme="", netloc="", fragment="").geturl()
    else:
        shown = request.get_full_path()
    if not (request.user.is_authenticated and request.path == reverse("account_login")):  # who signs in twice is in
        messages.error(request, _("This page was open for too long, so nothing was sent. Here it is again."))
    answer = redirect(shown)
    answer.status_code = HTTPStatus.SEE_OTHER
    return answer


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404: an unknown path."""
    return answer_refusal(request, NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: a part that is away is 503, anything else a fault of ours."""
    error = sys.exc_info()[1]
    refusal = to_api_error(error) if isinstance(error, Exception) else None
    if refusal is None:
        refusal = ApiError(_("Something broke on our side."), code="server_error")
        refusal.status = HTTPStatus.INTERNAL_SERVER_ERROR
    return answer_refusal(request, refusal)
