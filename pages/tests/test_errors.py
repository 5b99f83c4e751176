"""Error pages. None of these tests may touch the database, and so neither may the pages: it may be what is broken."""

import pytest
from django.test import Client, RequestFactory

from core import views


def test_an_unknown_page_says_so_with_a_way_home() -> None:
    client = Client()
    client.cookies["sessionid"] = "a" * 32
    answer = client.get("/collar/nothing/")
    assert answer.status_code == 404
    assert "This page does not exist, or is not yours." in answer.content.decode()
    assert 'href="/"' in answer.content.decode()


def test_a_form_without_its_token_is_refused_in_words() -> None:
    answer = Client(enforce_csrf_checks=True).post("/account/login", {})
    assert answer.status_code == 403
    assert "Reload the page and try again." in answer.content.decode()


def test_a_fault_of_ours_names_the_request() -> None:
    request = RequestFactory().get("/collar/x/")
    request.request_id = "0192f3c0aa"  # type: ignore[attr-defined]
    answer = views.server_error(request)
    assert answer.status_code == 500
    assert "Something broke on our side." in answer.content.decode()
    assert "0192f3c0aa" in answer.content.decode()


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PROGRAMS = [{"Accept": "application/json"}, {"Accept": "application/json, text/html;q=0.5"}]


@pytest.mark.parametrize("path", ["/nope", "/pets-of-mine", "/collar/nothing/", "/account/x"])
@pytest.mark.parametrize("asks", [BROWSER, {"Accept": "*/*", "Sec-Fetch-Dest": "document"}])
def test_any_path_that_a_browser_opens_gets_a_page_in_the_readers_language(path: str, asks: dict[str, str]) -> None:
    answer = Client().get(path, headers={**asks, "Accept-Language": "de"})
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert '<html lang="de"' in answer.content.decode()


@pytest.mark.parametrize("path", ["/nope", "/collar/nothing/"])
@pytest.mark.parametrize("asks", PROGRAMS)
def test_a_program_is_told_in_json(path: str, asks: dict[str, str]) -> None:
    answer = Client().get(path, headers={**asks, "Accept-Language": "de"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_who_takes_anything_is_judged_by_the_path() -> None:
    api, page = (Client().get(path, headers={"Accept": "*/*"}) for path in ("/nope", "/collar/nothing/"))
    assert api.json()["code"] == "not_found"
    assert "This page does not exist" in page.content.decode()


def test_what_the_api_refuses_is_a_page_to_a_browser() -> None:
    answer = Client().get("/me", headers=BROWSER)
    assert answer.status_code == 401
    assert "Sign in first." in answer.content.decode()


def test_a_page_that_is_only_posted_to_says_so_in_words() -> None:
    answer = Client().get("/account/logout-all", headers=BROWSER)
    assert answer.status_code == 405
    assert 'href="/"' in answer.content.decode()


@pytest.mark.parametrize("path", ["/account", "/admin", "/pet"])
def test_a_page_without_its_slash_is_found(path: str) -> None:
    answer = Client().get(f"{path}?a=b", headers=BROWSER)
    assert (answer.status_code, answer["Location"]) == (302, f"{path}/?a=b")


def test_what_programs_look_for_at_the_root_is_there() -> None:
    assert Client().get("/favicon.ico")["Location"].endswith(".png")
    assert "Disallow: /" in Client().get("/robots.txt").content.decode()
