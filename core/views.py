"""Answers that belong to no room: errors outside any view, health."""

import sys
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
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


def wants_page(request: HttpRequest) -> bool:
    """Whether a person looks at this path in a browser; every other path is API and answers JSON."""
    return is_page(request.path)


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
    """Django's CSRF_FAILURE_VIEW."""
    return answer_refusal(request, CsrfFailed())


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
