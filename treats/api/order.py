"""POST /devices/{id}/treat: a plain async view, because it waits; it joins the OpenAPI document in schema.py."""

import re
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt

from accounts.authentication import Caller, authenticate
from core.api import load_json, refusal_response
from core.calls import UNKNOWN, checked
from core.errors import ApiError, Invalid
from core.idempotency import key_of
from devices.selectors import find_device_to_change
from treats.api.serializers import TreatOrderSerializer
from treats.const import TREAT_HEADER, WAIT_DEFAULT_S, WAIT_MOST_S
from treats.models import TreatEvent
from treats.presenters import treat_resource
from treats.services.ledger import send_treat
from treats.services.waiting import ResultWait

_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,9})(?:$|[,;\s])")


@dataclass(frozen=True)
class Order:
    """What the caller asks for; `wait` in seconds."""

    portion: int
    key: str | None
    wait: int


def parse_order(request: HttpRequest) -> Order:
    """Read body and headers. Raises Invalid."""
    given = checked(TreatOrderSerializer(data=load_json(request.body) if request.body else {}))
    if request.GET:
        raise Invalid({name: [UNKNOWN] for name in request.GET})
    asked = _WAIT.search(request.headers.get("Prefer", ""))
    wait = min(int(asked.group(1)), WAIT_MOST_S) if asked else WAIT_DEFAULT_S
    return Order(portion=given["portion"], key=key_of(request.headers), wait=wait)


def source_of(caller: Caller) -> str:
    """How the ledger names the door that a treat came through."""
    if caller.user.is_staff:
        return TreatEvent.Source.STAFF
    return TreatEvent.Source.API if caller.by_bearer else TreatEvent.Source.OWNER


def _send(request: HttpRequest, device_id: UUID) -> tuple[TreatEvent, Order]:
    """Everything that needs the database, in one thread and with one connection, given back at the end."""
    try:
        caller = authenticate(request)
        device = find_device_to_change(caller.user, device_id)
        order = parse_order(request)
        event = send_treat(
            device=device, by=caller.user, source=source_of(caller), portion=order.portion, key=order.key
        )
        return event, order
    finally:
        connection.close()


@csrf_exempt
async def treat(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Throw a treat: 200 once it is settled, 202 while the collar has not answered."""
    if request.method != "POST":
        refusal = ApiError(_("Only POST is possible here."), code="method_not_allowed")
        refusal.status = 405
        return refusal_response(refusal)
    waiting = await ResultWait.begin(device_id)
    try:
        event, order = await sync_to_async(_send)(request, device_id)
        event = await waiting.settled(event, order.wait)
    except ApiError as error:
        return refusal_response(error)
    finally:
        waiting.end()
    answer = JsonResponse(treat_resource(event), status=202 if event.result == TreatEvent.Result.PENDING else 200)
    answer[TREAT_HEADER] = str(event.pk)
    return answer
