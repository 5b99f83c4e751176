"""Who steers the server is the server: no header, name or path of a request does. Through nginx, as everybody comes."""

import email
import json
import re
import ssl
from collections.abc import Callable, Iterator
from email.policy import default
from http.client import HTTPMessage
from urllib.parse import urlsplit

import httpx
import pytest

from core.tests.test_incoming import READ, SOCKET, said
from tests.conftest import Stack
from tools.testing import speak, wait_for

Answer = tuple[int, HTTPMessage, bytes]
Ask = Callable[..., Answer]
EVIL = b"https://evil.example"
# Each is told all that could steer: a root, a host, a scheme, an address, a name.
CLAIMS = (EVIL, b"/x", b"evil.example:6666", b"http", b"203.0.113.9", b"\xff")


@pytest.fixture(scope="module")
def ask(stack: Stack) -> Ask:
    """Ask nginx with these headers, and Host as it should be unless another is said."""
    url = stack.demo["url"]
    ca = stack.instance.var / "tls" / "ca.pem"

    def asked(first: str, headers: dict[str, bytes] | None = None, body: bytes = b"", own_host: bool = True) -> Answer:
        host = {"Host": urlsplit(url).netloc.encode()} if own_host else {}
        return speak(url, said(first.encode(), {**host, **(headers or {})}, body), ca)

    return asked


@pytest.fixture
def mails(stack: Stack) -> Callable[[], list[str]]:
    """The texts of mails since now."""
    folder = stack.instance.var / "mail"
    before = set(folder.iterdir())

    def told() -> list[str]:
        files = sorted(set(folder.iterdir()) - before)
        return [email.message_from_bytes(file.read_bytes(), policy=default).as_string() for file in files]

    return told


def form(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    client.get(path)
    return client.post(path, data={"csrfmiddlewaretoken": client.cookies["csrftoken"], **fields})


@pytest.fixture
def person(stack: Stack) -> Iterator[httpx.Client]:
    """A browser."""
    context = ssl.create_default_context(cafile=str(stack.instance.var / "tls" / "ca.pem"))
    with httpx.Client(base_url=stack.demo["url"], verify=context, timeout=30) as client:
        client.headers["Origin"] = stack.demo["url"]
        yield client


@pytest.mark.parametrize("name", [name for name in READ if name not in ("Host", "Content-Length", "Transfer-Encoding")])
def test_no_header_leads_elsewhere(stack: Stack, ask: Ask, name: str) -> None:
    claims = (b"websocket",) if name in ("Upgrade", "Connection") else CLAIMS
    for claim in claims:
        _, headers, body = ask("GET /pet/ HTTP/1.1", {name: claim})
        assert headers.get("Location") in (None, "/account/login?next=/pet/")
        assert b"evil.example" not in body
        status, _, body = ask("GET /x/internal/streaming/publish HTTP/1.1", {name: claim})
        assert status in (400, 404), body
        if name not in SOCKET:
            assert ask("GET /ws/devices HTTP/1.1", {**SOCKET, name: claim})[0] in (101, 400)
    assert "evil.example" not in (stack.instance.var / "log" / "web.log").read_text()


def test_a_mails_link_is_ours_whatever_the_request_claims(
    stack: Stack, person: httpx.Client, mails: Callable[[], list[str]]
) -> None:
    for header in READ:
        if header.startswith(("X-Forwarded", "Daphne", "X-Requested", "Referer", "Prefer", "Range")):
            person.headers[header] = "https://evil.example"
    person.headers["Referer"] = f"{stack.demo['url']}/"
    form(person, "/account/password/reset", email=stack.demo["owner"]["email"])
    form(person, "/account/signup", name="Eve", email="eve@hetri.example", password1="correct horse battery 7")
    form(person, "/account/signup", name="Eve", email=stack.demo["staff"]["email"], password1="correct horse battery 7")
    texts = wait_for(lambda: found if len(found := mails()) >= 3 else None, 30)
    links = re.findall(r"https?://[^\s\"]+", " ".join(text.replace("=\n", "") for text in texts))
    assert len(links) >= 2
    assert {f"{urlsplit(link).scheme}://{urlsplit(link).netloc}" for link in links} == {stack.demo["url"]}


def test_the_audit_trail_names_the_door_that_was_used(stack: Stack, ask: Ask) -> None:
    with stack.client() as owner:
        bearer = owner.headers["Authorization"].encode()
    body = b'{"name": "Doorbell", "species": "dog"}'
    headers = {"Authorization": bearer, "Content-Type": b"application/json", "Content-Length": str(len(body)).encode()}
    status, _, made = ask("POST /pets HTTP/1.1", {**headers, "Daphne-Root-Path": b"/admin/x"}, body)
    assert status == 201
    assert ask("POST /admin/x/pets HTTP/1.1", {**headers, "Daphne-Root-Path": b"/admin/x"}, body)[0] in (403, 404)
    rows = stack.rows("SELECT door FROM staff_auditline WHERE subject_id = %s", json.loads(made)["id"])
    assert rows == [("api",)]
    assert stack.rows("SELECT count(*) FROM pets_pet WHERE name = 'Doorbell'") == [(1,)]


def test_the_address_of_a_sign_in_is_the_callers(stack: Stack, ask: Ask) -> None:
    login = f'{{"email": "{stack.demo["owner"]["email"]}", "password": "{stack.demo["owner"]["password"]}"}}'.encode()
    headers = {"Content-Type": b"application/json", "Content-Length": str(len(login)).encode(), "User-Agent": b"claims"}
    lies = dict.fromkeys(("X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP", "CF-Connecting-IP"), b"203.0.113.9")
    assert ask("POST /auth/login HTTP/1.1", {**headers, **lies}, login)[0] == 200
    ((address,),) = stack.rows("SELECT host(ip) FROM accounts_usersession WHERE user_agent = 'claims'")
    assert address in ("127.0.0.1", "::1")


@pytest.mark.parametrize("kind", ["json", "html"])
def test_a_host_that_is_not_ours_is_refused(stack: Stack, ask: Ask, kind: str) -> None:
    path = "/me" if kind == "json" else "/account/login"
    port = urlsplit(stack.demo["url"]).port
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "localhost:6666",
        "localhost",
        "",
        f"localhost:{port}.evil.example",
        f"localhost.:{port}",
        f"evil@localhost:{port}",
        f"127.0.0.2:{port}",
    ):
        status, headers, body = ask(f"GET {path} HTTP/1.1", {"Host": host.encode()})
        assert status in (400, 421), host
        if status == 421:
            assert (b'"code":"wrong_host"' in body, b"<html" in body) == (kind == "json", kind == "html")
        assert "Location" not in headers


def test_our_own_names_are_taken(stack: Stack, ask: Ask) -> None:
    port = urlsplit(stack.demo["url"]).port
    for host in (f"localhost:{port}", f"LOCALHOST:{port}"):
        assert ask("GET /healthz HTTP/1.1", {"Host": host.encode()})[0] == 200, host


def test_a_request_line_or_a_second_host_that_says_another_name_is_refused(stack: Stack, ask: Ask) -> None:
    own = urlsplit(stack.demo["url"]).netloc.encode()
    assert ask("GET https://evil.example/me HTTP/1.1", {"Host": own})[0] == 421
    assert ask("GET http://localhost/healthz HTTP/1.1", {"Host": own})[0] == 200
    assert ask("GET https://localhost/me HTTP/1.1", {"Host": b"evil.example"})[0] == 421
    assert ask("GET /me HTTP/1.0", own_host=False)[0] in (400, 421)
    for first, second in ((own, b"evil.example"), (b"evil.example", own)):
        status, _, body = ask("GET /account/login HTTP/1.1", {"Host": first, "host": second})
        assert (status in (400, 421) or first == own, b"evil.example" in body) == (True, False)


def test_plain_http_at_the_tls_port_is_led_to_our_own_name(stack: Stack) -> None:
    url = urlsplit(stack.demo["url"])
    status, headers, _ = speak(f"http://{url.netloc}", b"GET /pet/?a=b HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert (status, headers["Location"]) == (308, f"{stack.demo['url']}/pet/?a=b")


@pytest.mark.parametrize(
    "path",
    [
        "/internal/streaming/publish",
        "//internal/streaming/publish",
        "/x/../internal/streaming/publish",
        "/%69nternal/streaming/publish",
        "/internal/signed_in",
        "/signed_in",
        "/error/down.json",
        "/error/error.html",
    ],
)
def test_what_is_inside_is_not_reached(ask: Ask, path: str) -> None:
    status, headers, body = ask(f"GET {path} HTTP/1.1")
    assert (status, headers["Content-Type"].startswith("application/json")) == (404, True), body
