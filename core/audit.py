"""Who acts, and by which door: told to PostgreSQL before each audited write, whose triggers write the audit line.

What is audited, and the triggers, are in staff/audited.py; docs/decisions/audit-trail.md says why.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from core import logs

user: ContextVar[str] = ContextVar("audit_user", default="")  # the id of who acts; empty: nobody, or a machine
door: ContextVar[str] = ContextVar("audit_door", default="system")  # admin, api, page, command or system
_audited = re.compile(r"(?!)")  # nothing, until `watch` says what
_TELL = """SELECT set_config('hetri.user', %s, false), set_config('hetri.door', %s, false),
    set_config('hetri.request', %s, false)"""
_told = False  # from the first time on each write is told, so that none carries the name of the one before
_Execute = Callable[[str, Any, bool, dict[str, object]], Any]


def tell(execute: _Execute, sql: str, params: Any, many: bool, context: dict[str, object]) -> Any:
    """Django's execute wrapper. Told anew before each audited write: a pooled connection had other users."""
    global _told  # noqa: PLW0603 - it is the process that remembers
    if (_told or door.get() != "system") and _audited.match(sql):
        _told = True
        execute(_TELL, [user.get(), door.get(), logs.request_id.get()], False, context)
    return execute(sql, params, many, context)


def watch(tables: Iterable[str]) -> None:
    """Say which tables are audited: before a write to one of them PostgreSQL is told who acts."""
    global _audited  # noqa: PLW0603 - said once, when the process starts
    names = "|".join(map(re.escape, tables))
    _audited = re.compile(rf'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(?:{names})\b', re.IGNORECASE)


@contextmanager
def acting(*, by: UUID | None, through: str, request_id: str) -> Iterator[None]:
    """What is written inside is put to who ordered it, by the door and the request of the order."""
    pairs = ((user, str(by or "")), (door, through), (logs.request_id, request_id))
    tokens = [(variable, variable.set(value)) for variable, value in pairs]
    try:
        yield
    finally:
        for variable, token in tokens:
            variable.reset(token)


def on_connection(sender: object, connection: Any, **kwargs: Any) -> None:
    """Receiver of connection_created."""
    if tell not in connection.execute_wrappers:
        connection.execute_wrappers.append(tell)


def door_of(path: str, is_page: bool) -> str:
    """How the trail names the way that a request came in."""
    if path.startswith("/admin/"):
        return "admin"
    return "page" if is_page else "api"
