"""The OpenAPI document matches what is served: requests made up from it, in the thousands, find no 500."""

import json
import time
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tools.testing import WHOLE, Api

CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
OPERATIONS = [
    ("GET", "/me"),
    ("GET", "/devices"),
    ("POST", "/devices"),
    ("POST", "/devices/claim"),
    ("GET", "/devices/{device_id}"),
    ("PUT", "/devices/{device_id}"),
    ("PATCH", "/devices/{device_id}"),
    ("GET", "/devices/{device_id}/status"),
    ("GET", "/devices/{device_id}/telemetry"),
    ("GET", "/devices/{device_id}/video_url"),
    ("GET", "/devices/{device_id}/video_token"),
    ("GET", "/devices/{device_id}/viewings"),
    ("GET", "/devices/{device_id}/updates"),
    ("GET", "/firmware/releases"),
    ("GET", "/firmware/releases/{release_id}"),
    ("GET", "/firmware/releases/{release_id}/jobs"),
    ("POST", "/firmware/releases/{release_id}/{act}"),
    ("GET", "/devices/{device_id}/support_view"),
    ("POST", "/devices/{device_id}/support_view"),
    ("DELETE", "/devices/{device_id}/support_view"),
    ("POST", "/devices/{device_id}/treat"),
    ("GET", "/devices/{device_id}/treats"),
    ("GET", "/devices/{device_id}/treats/{treat_id}"),
    ("GET", "/devices/{device_id}/handover"),
    ("POST", "/devices/{device_id}/handover"),
    ("DELETE", "/devices/{device_id}/handover"),
    ("POST", "/devices/{device_id}/restore"),
    ("GET", "/pets"),
    ("POST", "/pets"),
    ("GET", "/pets/{pet_id}"),
    ("PUT", "/pets/{pet_id}"),
    ("PATCH", "/pets/{pet_id}"),
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/logout"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
]


@pytest.fixture(scope="session")
def document(server: str) -> Any:
    return schemathesis.openapi.from_dict(httpx.get(f"{server}/schema").json())


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
def test_it_answers_as_documented(server: str, alice: Api, document: Any, method: str, path: str) -> None:
    operation = document[path][method]
    known = {"device_id": alice.new_device()["id"], "pet_id": alice.new_pet()["id"]}
    headers = {"Authorization": f"Bearer {alice.tokens['access']}"}

    @settings(
        max_examples=25 if WHOLE else 12,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    def call(case: Any) -> None:
        case.path_parameters = {
            **(case.path_parameters or {}),
            **{k: v for k, v in known.items() if f"{{{k}}}" in path},
        }
        response = case.call(base_url=server, headers=headers)
        case.validate_response(response, checks=CHECKS)

    from hypothesis import given

    given(case=operation.as_strategy())(call)()


def test_every_path_is_in_the_document(server: str, live_db: None) -> None:
    paths = httpx.get(f"{server}/schema").json()["paths"]
    listed = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    tested_elsewhere = {
        ("POST", "/auth/logout_all"),
        ("DELETE", "/devices/{device_id}"),
        ("POST", "/devices/{device_id}/credentials"),
        ("DELETE", "/pets/{pet_id}"),
    }
    assert listed == set(OPERATIONS) | tested_elsewhere
    assert "swagger" in httpx.get(f"{server}/schema/docs").text.lower()


def test_the_document_is_json(server: str) -> None:
    assert json.loads(httpx.get(f"{server}/schema").text)["openapi"].startswith("3.")


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE"])
def test_the_readable_document_is_only_read(server: str, method: str) -> None:
    assert httpx.request(method, f"{server}/schema/docs").status_code == 405


def test_the_document_is_made_once(server: str) -> None:
    with httpx.Client(base_url=server) as client:
        first = client.get("/schema")
        assert (first.status_code, first.json()["openapi"][:2]) == (200, "3.")
        assert first.headers["Cache-Control"] == "public, max-age=300"
        kept = client.get("/schema", headers={"If-None-Match": first.headers["ETag"]})
        assert (kept.status_code, kept.content) == (304, b"")
        began = time.monotonic()
        assert {client.get("/schema").content for _ in range(20)} == {first.content}
        assert time.monotonic() - began < 20 * 0.05  # what making it takes
        assert (
            client.get("/schema", headers={"Accept-Language": "de"}).headers["Content-Type"]
            == first.headers["Content-Type"]
        )


def test_what_is_made_can_be_used_changed_and_ended_in_any_order(server: str, alice: Api, document: Any) -> None:
    headers = {"Authorization": f"Bearer {alice.tokens['access']}"}

    class Owner(document.as_state_machine()):  # type: ignore[misc]
        """Makes things and follows the links of the document from them."""

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": headers, "base_url": server}

        def validate_response(self, response: Any, case: Any, **options: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    Owner.run(
        settings=settings(
            max_examples=8,
            stateful_step_count=8,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
    )
