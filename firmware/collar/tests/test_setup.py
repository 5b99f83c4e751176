from app.networks import Networks
from app.setup import Setup, escape
from app.web import read_form
from helpers import Log, raises
from sim import network


def make(folder, seen=None):
    network.use({})
    log = Log()
    setup = Setup(network, Networks(folder, []), "Hetri-1234", "", log)
    setup._seen = seen or {}
    return setup, log


def test_the_page_lists_networks_strongest_first_and_shows_no_markup_of_theirs(folder):
    setup, _ = make(folder, {"weak": -80, '"><script>alert(1)</script>': -40})
    status, page = setup.answer("GET", "/", {})
    assert status == 200
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert page.index("&lt;script&gt;") < page.index("weak")


def test_a_network_is_saved_and_its_password_shown_to_nobody(folder):
    setup, log = make(folder)
    status, page = setup.answer("POST", "/", {"name": "Home", "key": "garden-gate"})
    assert status == 200 and "Home" in page
    assert "garden-gate" not in page + str(log.events)
    assert Networks(folder, []).known == [("Home", "garden-gate")]


def test_what_was_typed_goes_before_what_was_chosen(folder):
    setup, _ = make(folder)
    setup.answer("POST", "/", {"name": "Home", "other": "Hidden", "key": ""})
    assert setup.saved == "Hidden"


def test_a_wrong_entry_is_explained_and_nothing_is_saved(folder):
    setup, _ = make(folder)
    for form, words in (({}, "name"), ({"name": "Home", "key": "short"}, "password")):
        status, page = setup.answer("POST", "/", form)
        assert status == 400 and words in page
    assert Networks(folder, []).known == []


def test_every_other_address_leads_to_the_page(folder):
    setup, _ = make(folder)
    assert setup.answer("GET", "/generate_204", {}) == (302, "/")


def test_it_reads_forms(_):
    assert read_form(b"name=My+home%21&key=%C3%BC%26%3D&name=x") == {"name": "x", "key": "ü&="}
    assert raises(ValueError, read_form, b"name=%zz")
    assert raises(ValueError, read_form, b"name=%ff")


def test_it_escapes_what_html_means_something_by(_):
    assert escape("<a href='x'>&\"") == "&lt;a href=&#39;x&#39;&gt;&amp;&quot;"
