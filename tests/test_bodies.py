"""How large a body may be, by path, and whose is read at all. Through nginx."""

import contextlib
import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from core.tests.test_incoming import said
from tests.conftest import Stack
from tools.soak.streams import HEADERS, PREFACE, SETTINGS, asked, frame

KB = 1000
SOMEBODYS = "01a2176b-79a1-722b-8fe2-f297217083c1"


@contextlib.contextmanager
def browser(stack: Stack, *, signed_in: bool) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=str(stack.instance.var / "tls" / "ca.pem"))
    with httpx.Client(base_url=stack.demo["url"], verify=context, timeout=60) as client:
        client.headers["Origin"] = stack.demo["url"]
        client.headers["Referer"] = f"{stack.demo['url']}/"
        if signed_in:
            client.get("/account/login")
            owner = stack.demo["owner"]
            form = {
                "username": owner["email"],
                "password": owner["password"],
                "csrfmiddlewaretoken": client.cookies["csrftoken"],
            }
            assert client.post("/account/login", data=form).status_code == 302
        yield client


@pytest.mark.parametrize(
    ("path", "kept", "refused"),
    [
        ("/auth/login", 50 * KB, 70 * KB),
        ("/account/login", 50 * KB, 70 * KB),
        ("/account/password/reset", 50 * KB, 70 * KB),
        ("/pet/add", 50 * KB, 70 * KB),
        ("/admin/", 200 * KB, 300 * KB),
        ("/pets", 950 * KB, 1100 * KB),
        (f"/devices/{SOMEBODYS}/treat", 950 * KB, 1100 * KB),
    ],
)
def test_a_body_is_bounded_by_its_path(stack: Stack, path: str, kept: int, refused: int) -> None:
    page = path.startswith(("/account", "/pet/", "/admin"))
    with browser(stack, signed_in=False) as client:
        for kind in ("application/json", "application/x-www-form-urlencoded"):
            assert client.post(path, content=b"x" * kept, headers={"Content-Type": kind}).status_code != 413
            answer = client.post(path, content=b"x" * refused, headers={"Content-Type": kind})
            assert answer.status_code == 413
            assert ("<html" in answer.text) == page
            assert page or answer.json()["code"] == "too_large"


def test_nobodys_picture_is_read(stack: Stack) -> None:
    """The answer comes before the body: only its head was sent."""
    url = urlsplit(stack.demo["url"])
    context = ssl.create_default_context(cafile=str(stack.instance.var / "tls" / "ca.pem"))
    path = f"/pet/{SOMEBODYS}/picture"
    head = said(
        f"POST {path} HTTP/1.1".encode(),
        {"Host": url.netloc.encode(), "Content-Length": b"12000000", "Cookie": b"sessionid=x"},
    )
    with (
        socket.create_connection((url.hostname or "", url.port or 443), 20) as plain,
        context.wrap_socket(plain, server_hostname=url.hostname) as line,
    ):
        line.sendall(head)
        answer = line.recv(4000).decode()
    assert answer.startswith("HTTP/1.1 302")
    assert f"Location: /account/login?next={path}\r\n" in answer


def test_an_owners_large_picture_reaches_the_application(stack: Stack) -> None:
    ((pet,),) = stack.rows(
        "SELECT p.id FROM pets_pet p JOIN accounts_user u ON u.id = p.owner_id WHERE u.email = %s LIMIT 1",
        stack.demo["owner"]["email"],
    )
    with browser(stack, signed_in=True) as client:
        page = client.get(f"/pet/{pet}/picture")
        assert page.status_code == 200
        form = {"csrfmiddlewaretoken": client.cookies["csrftoken"]}
        answer = client.post(
            f"/pet/{pet}/picture", data=form, files={"picture": ("a.png", b"x" * 9_000_000, "image/png")}
        )
        assert (answer.status_code, "<html" in answer.text) in ((200, True), (400, True))
        assert client.post(f"/pet/{pet}/picture", content=b"x" * 14_000_000).status_code == 413


@pytest.fixture
def ask_by_http2(stack: Stack) -> Callable[[str], str]:
    """The status that a GET of /me with that :authority gets over HTTP/2."""
    url = urlsplit(stack.demo["url"])
    context = ssl.create_default_context(cafile=str(stack.instance.var / "tls" / "ca.pem"))
    context.set_alpn_protocols(["h2"])

    def ask(authority: str) -> bytes:
        with (
            socket.create_connection((url.hostname or "", url.port or 443), 20) as plain,
            context.wrap_socket(plain, server_hostname=url.hostname) as line,
        ):
            line.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, 5, 1, asked("/healthz", authority)))
            told = b""
            while piece := line.recv(4000):
                told += piece
                kinds, at = [], 0
                while at + 9 <= len(told):
                    size, kind = struct.unpack("!I", b"\0" + told[at : at + 3])[0], told[at + 3]
                    if kind == HEADERS and at + 9 + size <= len(told):
                        return told[at + 9 : at + 9 + size]
                    kinds.append(kind)
                    at += 9 + size
        return b""

    return ask


def test_an_authority_of_http2_that_is_not_ours_is_refused(stack: Stack, ask_by_http2: Callable[[str], bytes]) -> None:
    own = urlsplit(stack.demo["url"]).netloc
    ok = b"\x88"  # :status 200 of HPACK's static table
    assert ask_by_http2(own)[:1] == ok
    for other in ("evil.example", "localhost", "localhost:6666", f"evil.example:{urlsplit(own).port}"):
        answer = ask_by_http2(other)
        assert answer
        assert answer[:1] != ok
        assert b"421" in answer or b"\x03421" in answer or answer[:1] == b"\x48"


def test_json_of_a_treat_is_still_json(stack: Stack) -> None:
    with stack.client() as owner:
        answer = owner.post(
            f"/devices/{stack.demo['device']}/treat",
            content=b"[" * 900_000,
            headers={"Content-Type": "application/json"},
        )
        assert (answer.status_code, json.loads(answer.content)["code"]) == (400, "invalid")


LIMITS = {f"/pet/{SOMEBODYS}/picture": ("12 MB", 14_000 * KB), "/pets": ("1 MB", 1100 * KB)}


@pytest.mark.parametrize("path", LIMITS)
@pytest.mark.parametrize(("language", "words"), [("en", "More than {} cannot"), ("de", "Mehr als {} gehen hier nicht")])
def test_what_is_too_large_names_its_own_limit_in_the_readers_language(
    stack: Stack, path: str, language: str, words: str
) -> None:
    most, size = LIMITS[path]
    asks = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": language, "Content-Type": "application/octet-stream"}
    with browser(stack, signed_in=True) as client:
        page = client.post(path, content=b"x" * size, headers=asks)
        told = client.post(path, content=b"x" * size, headers={**asks, "Accept": "application/json"})
    assert (page.status_code, page.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert words.format(most) in page.text
    assert f'<html lang="{language}">' in page.text
    assert (told.status_code, told.json()["detail"]) == (413, f"The body is larger than {most}.")


def test_a_browser_gets_a_page_and_a_program_json_for_an_address_that_is_too_long(stack: Stack) -> None:
    with browser(stack, signed_in=False) as client:
        page = client.get(f"/nope?{'a' * 9000}", headers={"Accept": "text/html"})
        told = client.get(f"/collar/?{'a' * 9000}", headers={"Accept": "application/json"})
    assert (page.status_code, told.status_code) == (414, 414)
    assert told.json()["code"] == "bad_request"


def test_an_address_that_a_browser_opens_gets_a_page_through_nginx_too(stack: Stack) -> None:
    with browser(stack, signed_in=False) as client:
        for asks in ({"Accept": "text/html"}, {"Accept": "*/*", "Sec-Fetch-Dest": "document"}):
            answer = client.get("/nope", headers=asks)
            assert (answer.status_code, "<html" in answer.text) == (404, True)
        assert client.get("/nope").json()["code"] == "not_found"
