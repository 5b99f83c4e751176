"""The OpenAPI document: its settings, and the last touch, which no single room can give."""

import re
from typing import Any

ID = "0192f2a0-7c1e-7b3a-9d52-3f6a8c0e1b47"
PAIR = {"access": "eyJhbGciOi...", "refresh": "eyJhbGciOi..."}
# Bodies as they are sent, by operation; readers learn a call from one.
REQUESTS: dict[str, dict[str, Any]] = {
    "log_in": {"email": "alice@example.com", "password": "correct horse battery"},
    "refresh_tokens": {"refresh": PAIR["refresh"]},
    "log_out": {"refresh": PAIR["refresh"]},
    "create_device": {"name": "Rex's collar", "pet": None},
    "replace_device": {"name": "Rex's collar", "config": {"telemetry_interval_s": 60, "camera": "on_demand"}},
    "change_device": {"config": {"camera": "off"}},
    "claim_device": {"claim_code": "7K3M-9QXT", "name": "Rex's collar"},
    "begin_handover": {"password": "correct horse battery"},
    "create_pet": {"name": "Rex", "species": "dog", "time_zone": "Europe/Berlin", "treats_per_day": 10},
    "replace_pet": {"name": "Rex", "species": "dog", "birthdate": "2021-05-01", "treats_per_day": None},
    "change_pet": {"treats_per_day": 8},
    "give_treat": {"portion": 1},
    "allow_support_view": {"minutes": 30},
    "act_on_release": {"percent": 10},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "log_in": {**PAIR, "user": {"id": ID, "name": "Alice", "email": "alice@example.com", "role": "owner"}},
    "begin_handover": {"claim_code": "7K3M-9QXT", "expires_at": "2026-12-03T10:00:00.000Z"},
    "get_video_url": {
        "url": f"https://hetri.example/v/{ID}/eyJhbGciOi.../index.m3u8",
        "state": "starting",
        "expires_at": "2026-11-26T10:02:00.000Z",
    },
}
# What can be asked of a thing once it is made: (operation, its parameter).
LINKS = {
    "create_device": (
        "device_id",
        (
            "get_device",
            "change_device",
            "get_status",
            "give_treat",
            "begin_handover",
            "retire_device",
            "restore_device",
        ),
    ),
    "create_pet": ("pet_id", ("get_pet", "change_pet", "delete_pet")),
}


def settings_for(url: str) -> dict[str, Any]:
    """drf-spectacular's settings, for a server at that address."""
    return {
        "TITLE": "Hetri API",
        "DESCRIPTION": "Smart collars for dogs and cats: telemetry, treats, live state.",
        "VERSION": "1.0.0",
        "OAS_VERSION": "3.1.0",
        "COMPONENT_SPLIT_REQUEST": True,
        "LICENSE": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        "SERVERS": [{"url": url}],
        "SERVE_INCLUDE_SCHEMA": False,
        "POSTPROCESSING_HOOKS": [
            "drf_spectacular.hooks.postprocess_schema_enums",  # before the others: it makes the components anew
            "treats.api.schema.add_treat",
            "telemetry.schema.any_shape",
            "hetri.openapi.finish",
        ],
        "ENUM_NAME_OVERRIDES": {"DeviceStatus": "devices.models.Device.Status"},
        "SERVE_PUBLIC": True,
        "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
        "SERVE_AUTHENTICATION": [],
        "SWAGGER_UI_DIST": "SIDECAR",
        "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    }


def finish(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's last postprocessing hook: summaries, examples, links; either of the two doors, not both."""
    for calls in result["paths"].values():
        for call in calls.values():
            call.setdefault("summary", _first_sentence(call.get("description", "")))
            call["security"] = [{door: []} for one in call.get("security", []) for door in one] or [{}]
            _add_examples(call)
            _add_links(call)
    return result


def _first_sentence(text: str) -> str:
    return re.split(r"[.:;](?:\s|$)", text, maxsplit=1)[0].replace("\n", " ").strip()


def _add_examples(call: dict[str, Any]) -> None:
    name = call["operationId"]
    if name in REQUESTS:
        for content in call["requestBody"]["content"].values():
            content["example"] = REQUESTS[name]
    if name in ANSWERS:
        for content in call["responses"]["200"]["content"].values():
            content["example"] = ANSWERS[name]


def _add_links(call: dict[str, Any]) -> None:
    parameter, operations = LINKS.get(call["operationId"], ("", ()))
    if operations:
        call["responses"]["201"]["links"] = {
            name: {"operationId": name, "parameters": {parameter: "$response.body#/id"}} for name in operations
        }
