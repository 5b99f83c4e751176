"""Which paths a person looks at in a browser, and which are API."""

import re

PAGE_PREFIXES = ("/collar/", "/pet/", "/account/", "/admin/", "/static/")
# Answered in JSON, whoever asks. What is neither is answered as who asks can read it. nginx/web.conf knows it, too.
_API = re.compile(
    r"/(?:auth|devices|pets|me|shares|schedules|alerts|webhooks|firmware|schema|healthz|readyz|internal|v|ws)(?:/|$)"
)


def is_page(path: str) -> bool:
    """Whether a person looks at this path in a browser."""
    return path == "/" or path.startswith(PAGE_PREFIXES)


def is_api(path: str) -> bool:
    """Whether programs ask for this path."""
    return _API.match(path) is not None
