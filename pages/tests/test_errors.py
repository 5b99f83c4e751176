"""Error pages. None of these tests may touch the database, and so neither may the pages: it may be what is broken."""

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


def test_a_path_that_a_browser_made_up_is_a_page_in_its_language() -> None:
    browser = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "de"}
    for path in ("/nope", "/help", "/pets-of-mine", "/account/nothing"):
        answer = Client().get(path, headers=browser)
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert "Diese Seite gibt es nicht" in answer.content.decode() or "gehört nicht dir" in answer.content.decode()


def test_the_same_path_is_json_to_a_program_and_api_is_json_to_everybody() -> None:
    for path, accept in (
        ("/nope", "*/*"),
        ("/nope", "application/json"),
        ("/pets/nope", "text/html"),
        ("/me/x", "text/html"),
    ):
        answer = Client().get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_page_without_its_slash_is_found() -> None:
    for typed, meant in (("/account", "/account/"), ("/pet?x=1", "/pet/?x=1"), ("/admin", "/admin/")):
        answer = Client().get(typed)
        assert (answer.status_code, answer.headers["Location"]) == (302, meant)


def test_what_browsers_and_robots_ask_for_by_themselves_is_there() -> None:
    assert Client().get("/favicon.ico").headers["Location"].endswith(".png")
    assert "Disallow: /" in Client().get("/robots.txt").content.decode()


def test_a_form_of_before_the_sign_in_is_shown_anew() -> None:
    browser = Client(enforce_csrf_checks=True, headers={"Accept": "text/html", "Accept-Language": "de"})
    browser.get("/account/login")
    stale = {"username": "x", "password": "y", "csrfmiddlewaretoken": "a" * 64}
    answer = browser.post(
        "/account/login?next=/pet/", stale, headers={"Referer": "https://testserver/account/login?next=/pet/"}
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/login?next=/pet/")
    assert "Schick sie noch einmal ab." in browser.get("/account/login").content.decode()


def test_a_script_with_a_stale_token_is_told_so() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.get("/account/login")
    assert browser.post("/account/login", {}, headers={"Accept": "application/json"}).status_code == 403
