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
