"""POST /devices/{id}/treat in the OpenAPI document: it is a plain async view, which the generator cannot see."""

from typing import Any

from core.idempotency import KEY_LENGTH_MOST
from treats.const import PORTIONS_MOST

_DEVICE = {
    "in": "path",
    "name": "device_id",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}
_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MOST, "pattern": "^[ -~]+$"},
    "description": "The same key again gives the same treat: nothing is published twice.",
}
_PREFER = {
    "in": "header",
    "name": "Prefer",
    "schema": {"type": "string", "pattern": "^wait=[0-9]{1,2}$"},
    "description": "`wait=N`: how many seconds to wait for the collar; 5 without it, 20 at most.",
}
_ANSWERS = {
    200: ("Treat", "Settled: dispensed, jammed, empty, expired or failed."),
    202: ("Treat", "The collar has not answered yet; `result` is pending."),
    400: ("Error", "The request is not valid."),
    401: ("Error", "Nobody is signed in, or the session has ended."),
    403: ("Error", "The CSRF token is wrong."),
    404: ("Error", "There is no such collar, or it is somebody else's."),
    409: ("Error", "`offline`, `retired`, `no_dispenser`, or `key_reused`."),
    413: ("Error", "The body is too large."),
    429: ("Error", "`too_soon` or `budget_spent`; see Retry-After."),
    503: ("Error", "A part is down, and nothing is kept; see Retry-After."),
}


def _content(component: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{component}"}}}


def add_treat(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A drf-spectacular postprocessing hook."""
    order = {"portion": {"type": "integer", "minimum": 1, "maximum": PORTIONS_MOST, "default": 1}}
    result["components"]["schemas"]["TreatOrder"] = {"type": "object", "properties": order}
    result["paths"]["/devices/{device_id}/treat"] = {
        "post": {
            "operationId": "give_treat",
            "description": "Throw a treat, and answer once it is settled or the wait is over.",
            "tags": ["devices"],
            "parameters": [_DEVICE, _KEY, _PREFER],
            "requestBody": {"content": _content("TreatOrder")},
            "security": [{"bearer": []}, {"session": []}],
            "responses": {
                str(status): {"description": text, "content": _content(component)}
                for status, (component, text) in _ANSWERS.items()
            },
        }
    }
    return result
