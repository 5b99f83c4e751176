"""Answers that belong to no room: errors outside any view, health."""

import sys
from http import HTTPStatus
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import is_valid_path
from django.utils.translation import gettext_lazy as _

from core.api import headers_of, refusal_response, to_api_error
from core.errors import ApiError, CsrfFailed, NotFound
from core.paths import is_api, is_page

WITH_PAGES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def wants_page(request: HttpRequest) -> bool:
    """Whether a person looks at this path in a browser: one of our pages, or one that a browser made up."""
    if is_page(request.path) or is_api(request.path):
        return is_page(request.path)
    return request.get_preferred_type(["application/json", "text/html"]) == "text/html"


def answer_refusal(request: HttpRequest, refusal: ApiError) -> HttpResponse:
    """A refusal as who asked can read it: a page or JSON."""
    if not wants_page(request):
        return refusal_response(refusal)
    template = f"{int(refusal.status) if refusal.status in WITH_PAGES else 500}.html"
    context = {"refusal": refusal, "request_id": getattr(request, "request_id", "")}
    answer = render(request, template, context, status=refusal.status)
    for name, value in headers_of(refusal).items():
        answer[name] = value
    return answer


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: a request that is not well-formed."""
    return answer_refusal(request, to_api_error(exception) or ApiError())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    refusal = ApiError(_("Your role does not allow this."), code="forbidden")
    refusal.status = HTTPStatus.FORBIDDEN
    return answer_refusal(request, refusal)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW. A form that was open while its person signed in, or for long, is shown anew."""
    if not wants_page(request) or settings.CSRF_COOKIE_NAME not in request.COOKIES or not _is_navigation(request):
        return answer_refusal(request, CsrfFailed())
    messages.info(
        request, _("This page was open for long, or you signed in meanwhile. Here it is anew: send it once more.")
    )
    return redirect(_where_from(request))


def _is_navigation(request: HttpRequest) -> bool:
    """Whether a browser shows the answer to a person; a script reads it itself."""
    return request.get_preferred_type(["application/json", "text/html"]) == "text/html"


def _where_from(request: HttpRequest) -> str:
    """The page of ours that the form stood on."""
    said = urlsplit(request.headers.get("Referer", ""))
    if said.netloc == request.get_host() and is_page(said.path):
        return f"{said.path}?{said.query}" if said.query else said.path
    return request.path


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404: an unknown path. A page that was typed without its slash is found all the same."""
    whole = f"{request.path}/"
    if request.method in ("GET", "HEAD") and is_page(whole) and is_valid_path(whole):
        return redirect(request.get_full_path(force_append_slash=True))
    return answer_refusal(request, NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: a part that is away is 503, anything else a fault of ours."""
    error = sys.exc_info()[1]
    refusal = to_api_error(error) if isinstance(error, Exception) else None
    if refusal is None:
        refusal = ApiError(_("Something broke on our side."), code="server_error")
        refusal.status = HTTPStatus.INTERNAL_SERVER_ERROR
    return answer_refusal(request, refusal)
