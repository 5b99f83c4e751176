"""What a line of the log holds, and what it never does."""

import json
import logging
from collections.abc import Callable, Iterator

import pytest

from core.logs import ConsoleFormatter, JsonFormatter, request_id


@pytest.fixture(autouse=True)
def _outside_of_requests() -> Iterator[None]:
    """A request that ran here before has left its id."""
    token = request_id.set("")
    yield
    request_id.reset(token)


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("devices", logging.INFO, __file__, 1, message, (), None)
    made.__dict__.update(fields)
    return made


def test_a_json_line_is_an_event_with_its_fields_and_the_time_in_utc() -> None:
    line = json.loads(JsonFormatter().format(record("treat_settled", treat="0193", created=0.25)))
    assert line == {
        "time": "1970-01-01T00:00:00.250+00:00",
        "level": "INFO",
        "logger": "devices",
        "event": "treat_settled",
        "treat": "0193",
    }


@pytest.mark.parametrize("formatter", [JsonFormatter, ConsoleFormatter])
def test_a_link_from_a_mail_is_cut(formatter: Callable[[], logging.Formatter]) -> None:
    for path in ("/account/confirm/MQ:1abc:secret", "/account/password/reset/1-abc-secret"):
        line = formatter().format(record(f"Service Unavailable: {path}", request=f"GET {path}?key=secret"))
        assert "secret" not in line
        assert "/***" in line
