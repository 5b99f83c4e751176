"""Around every request: the id that follows it through the log and back, the count of it, its language."""

import re
import time
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin

from core import audit, logs, metrics
from core.errors import ApiError
from core.ids import uuid7
from core.paths import is_page
from core.views import answer_refusal, as_page, wants_page

_ACCEPTED = re.compile(r"[0-9a-zA-Z-]{8,64}\Z")


def _begin(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "")
    identity = given if _ACCEPTED.match(given) else uuid7().hex
    logs.request_id.set(identity)
    audit.user.set("")
    audit.door.set(audit.door_of(request.path, is_page(request.path)))
    request.request_id = identity  # type: ignore[attr-defined]
    return identity


@sync_and_async_middleware
def request_id(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], object]:
    """Take the id that nginx gave, or make one; answer with it."""

    async def with_id_async(request: HttpRequest) -> HttpResponse:
        identity = _begin(request)
        answer: Awaitable[HttpResponse] = get_response(request)  # type: ignore[assignment]
        response = await answer
        response["X-Request-ID"] = identity
        return response

    def with_id(request: HttpRequest) -> HttpResponse:
        identity = _begin(request)
        response = get_response(request)
        response["X-Request-ID"] = identity
        return response

    return with_id_async if iscoroutinefunction(get_response) else with_id


@sync_and_async_middleware
def measure(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], object]:
    """Count every answer by its route, and how long it took."""

    async def measured_async(request: HttpRequest) -> HttpResponse:
        began = time.monotonic()
        answer: Awaitable[HttpResponse] = get_response(request)  # type: ignore[assignment]
        response = await answer
        metrics.count_request(request, response, time.monotonic() - began)
        return response

    def measured(request: HttpRequest) -> HttpResponse:
        began = time.monotonic()
        response = get_response(request)
        metrics.count_request(request, response, time.monotonic() - began)
        return response

    return measured_async if iscoroutinefunction(get_response) else measured


def _has_a_reader(request: HttpRequest) -> bool:
    return (is_page(request.path) or wants_page(request)) and not request.path.startswith("/admin/")


class Language(LocaleMiddleware):
    """A reader's language on the owners' pages. The API and the admin speak English, whatever is asked for."""

    def process_request(self, request: HttpRequest) -> None:
        """As Django's, where there is a choice."""
        if _has_a_reader(request):
            return super().process_request(request)
        translation.activate("en")
        request.LANGUAGE_CODE = "en"
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """What has one language does not vary by it."""
        if _has_a_reader(request):
            return super().process_response(request, response)
        return response


class Refusals(MiddlewareMixin):
    """What a page's view lets fall is answered as the API does it: a refusal is no fault, and has no traceback."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Django asks when a view has raised."""
        return answer_refusal(request, exception) if isinstance(exception, ApiError) else None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """A browser that opens an address gets a page, whoever answers."""
        return as_page(request, response)
