"""Logs as events with fields: `log.info("treat_settled", extra={"device": id})` in one line, console or JSON."""

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

# Who has the rest of such a path may act for somebody: nginx leaves it out, too.
_KEY_IN_PATH = re.compile(r"(/account/(?:confirm|password/reset)/)\S+")


def _event(record: logging.LogRecord) -> str:
    return _KEY_IN_PATH.sub(r"\1***", record.getMessage())


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields = {key: value for key, value in record.__dict__.items() if key not in _STANDARD and key != "request"}
    if request_id.get():
        fields["request_id"] = request_id.get()
    return fields


class RefusalsInALine(logging.Filter):
    """What Django refused, without a traceback: it is the sender's fault, and who sends nonsense would fill the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security"):
            record.exc_info = None
        return True


class ConsoleFormatter(logging.Formatter):
    """`12:00:00.123 INFO devices.services treat_settled device=... result=...`"""

    default_msec_format = "%s.%03d"
    default_time_format = "%H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {key}={value}" for key, value in _fields(record).items())
        line = f"{self.formatTime(record)} {record.levelname} {record.name} {_event(record)}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry: dict[str, object] = {"time": at, "level": record.levelname, "logger": record.name}
        entry |= {"event": _event(record), **_fields(record)}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)
