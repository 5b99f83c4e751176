"""Every header that the application reads is known: a new version of a library that reads another fails here."""

import importlib.util
import re
from pathlib import Path

from ops.paths import ROOT

LIBRARIES = (
    "allauth",
    "asgiref",
    "autobahn",
    "channels",
    "csp",
    "daphne",
    "django",
    "drf_spectacular",
    "rest_framework",
    "rest_framework_simplejwt",
    "unfold",
)
OURS = (
    "accounts", "broker", "core", "demo", "devices", "firmware", "hetri", "pages", "pets", "staff", "streaming", "telemetry",
)  # fmt: skip
# Tests, and what is not installed or never serves a request here.
OFF = (
    "/tests/",
    "/test/",
    "allauth/headless",
    "allauth/idp",
    "allauth/socialaccount",
    "allauth/usersessions",
    "autobahn/asyncio",
    "autobahn/rawsocket",
    "autobahn/testutil",
    "autobahn/wamp",
    "autobahn/xbr",
    "django/contrib/gis",
    "django/core/management",
    "django/core/servers",
    "management/commands",
    "tools/testing",
)
READS = [
    re.compile(pattern)
    for pattern in (
        r"""META(?:\.get\(|\.pop\(|\[)\s*["']HTTP_([A-Z_]+)["']""",
        r"""["']HTTP_([A-Z][A-Z_]+)["']""",
        r"""(?:request|req|self)\.headers(?:\.get\(|\[)\s*["']([A-Za-z][A-Za-z-]+)["']""",
        r"""(?:get|has)(?:Raw|All)?Headers?\(\s*b?["']([A-Za-z][A-Za-z-]+)["']""",
        r"""http_headers(?:\.get\(|\[)\s*["']([a-z][a-z-]+)["']""",
        r"""["']([a-z]+-[a-z-]+)["'] in self\.http_headers""",
        r"""(?:name(?:\.lower\(\))?|header(?:_name)?) == b["']([A-Za-z-]+)["']""",
        r"""(?:name|header) == ["'](content-[a-z]+)["']""",
        r"""header_name="([A-Za-z-]+)\"""",
        r"""headers.*?\)\.get\(b["']([a-z-]+)["']""",
    )
]
# What nginx passes on as it was said (nginx/passed.conf), or sets itself.
PASSED = {
    "Accept", "Accept-Language", "Authorization", "Content-Type", "Cookie", "Idempotency-Key", "If-Match",
    "If-Modified-Since", "If-None-Match", "If-Unmodified-Since", "Origin", "Prefer", "Range", "Referer", "Sec-Fetch-Dest",
    "Sec-Fetch-Site",
    "Sec-Websocket-Key", "Sec-Websocket-Protocol", "Sec-Websocket-Version", "User-Agent", "X-Csrftoken",
    "X-Requested-With",
}  # fmt: skip
SET = {"Connection", "Content-Length", "Host", "Upgrade", "X-Forwarded-For", "X-Request-Id"}
# Read, and never passed on: no use, or it would steer.
DROPPED = {
    "Accept-Encoding",  # nginx compresses
    "Content-Disposition",  # of a part of a body, and DRF's parser of files, which is off
    "Daphne-Root-Path",
    "Sec-Websocket-Accept",  # of an answer
    "Sec-Websocket-Extensions",  # no compression on sockets
    "Server",  # of an answer
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Hetri-Hook",  # the media server's, which does not come this way
}  # fmt: skip
NO_HEADERS = {
    "Bad-Request",
    "Info",
    "Not-Found",
    "Not-Modified",
    "Redirect",
    "Server-Error",
    "Success",
}  # of a terminal


def folders() -> list[Path]:
    found = [importlib.util.find_spec(name) for name in LIBRARIES]
    return [*(Path(str(spec and spec.origin)).parent for spec in found), *(ROOT / name for name in OURS)]


def read_by_the_application() -> dict[str, str]:
    """Each header that is read, and a file that does."""
    found: dict[str, str] = {}
    for folder in folders():
        for path in folder.rglob("*.py"):
            if not any(part in str(path) for part in OFF):
                text = path.read_text()
                found |= {name.replace("_", "-").title(): str(path) for reads in READS for name in reads.findall(text)}
    return found


def test_every_header_that_is_read_is_known() -> None:
    found = read_by_the_application()
    known = PASSED | SET | DROPPED | NO_HEADERS
    assert {name: where for name, where in found.items() if name not in known} == {}
    assert found.keys() | {"Connection"} >= DROPPED | SET


def test_nginx_passes_on_these_and_no_other() -> None:
    said = (ROOT / "nginx" / "passed.conf").read_text()
    passed = {
        name.title()
        for name, value in re.findall(r"^proxy_set_header (\S+) (\S+);", said, re.M)
        if value == f"$http_{name.lower().replace('-', '_')}"
    }
    asked_by_browsers = {"Access-Control-Request-Headers", "Access-Control-Request-Method"}
    assert passed - {"Host"} == PASSED | asked_by_browsers
    assert "proxy_pass_request_headers off;" in said


def test_no_other_header_of_nginx_configuration_is_the_callers() -> None:
    config = (ROOT / "nginx" / "web.conf").read_text()
    assert re.findall(r"proxy_set_header (\S+)", config) == ["Content-Length", "Connection"]
    assert "proxy_pass_request_headers on" not in config
