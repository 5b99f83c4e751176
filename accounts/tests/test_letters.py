"""Mail is sent by a worker: sealed until then, again and again while the mail server is away, to nobody in no time."""

import email
import os
import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import Message
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.core.mail import EmailMessage
from redis import Redis

from accounts import letters
from accounts.models import User
from conftest import PASSWORD, Around, Worker, free_port, make_user
from core.models import RateCount
from core.waiting import PATIENCE_S
from tools.testing import wait_for

LINK = re.compile(r"https?://\S+/account/\S+")
PAIRS = 8


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


class Browser(httpx.Client):
    """Somebody at the pages, signed in as nobody."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, timeout=30, headers={"Origin": url})

    def come(self) -> "Browser":
        """See a form, which brings the cookie against forgery."""
        self.get("/account/login")
        return self

    def fill(self, path: str, **fields: str) -> httpx.Response:
        """POST a form."""
        return self.post(path, data={**fields, "csrfmiddlewaretoken": self.cookies["csrftoken"]})


@pytest.fixture
def browser(server: str, live_db: None) -> Iterator[Browser]:
    with Browser(server) as opened:
        yield opened.come()


def mail_dir(around: Around) -> Path:
    """Where letters are put."""
    return Path(around.env["HETRI_MAIL_DIR"])


def arrived(around: Around, to: str) -> list[Message]:
    """The letters to this address."""
    files = mail_dir(around).glob("*.log")
    found = (part for file in files for part in _letters_of(file))
    return [letter for letter in found if letter["To"] == to]


def _letters_of(file: Path) -> list[Message]:
    return [
        email.message_from_string(text.lstrip()) for text in re.split(r"\n-{79}\n", file.read_text()) if text.strip()
    ]


def in_redis() -> bytes:
    """Everything that lies in the queue's Redis, as one text."""
    redis = Redis.from_url(os.environ["REDIS_URL"])
    kinds = {b"string": redis.get, b"list": lambda key: redis.lrange(key, 0, -1), b"hash": redis.hgetall}
    return b"\n".join(
        repr(kinds[kind](key)).encode() for key in redis.scan_iter() if (kind := redis.type(key)) in kinds
    )


def test_a_new_account_is_confirmed_by_a_link_that_a_worker_sends(
    browser: Browser, worker: Worker, around: Around
) -> None:
    address = f"dora-{uuid4().hex[:8]}@example.com"
    answer = browser.fill("/account/signup", name="Dora", email=address, password1=PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/confirm")
    (letter,) = wait_for(lambda: arrived(around, address))
    assert LINK.search(str(letter.get_payload()))


def test_a_letter_lies_sealed_in_the_queue_and_no_link_in_any_log(
    browser: Browser, worker: Worker, around: Around
) -> None:
    alice = make_user("alice")
    worker.end()
    try:
        browser.fill("/account/password/reset", email=alice.email)
        wait_for(lambda: b"send_letter" in in_redis())
        assert alice.email.encode() not in in_redis()
        assert b"password/reset" not in in_redis()
    finally:
        worker.start()
    (letter,) = wait_for(lambda: arrived(around, alice.email), 20)
    found = LINK.search(str(letter.get_payload()))
    assert found
    key = found[0].rpartition("/")[2]
    for log in around.logs.glob("*.log"):
        assert key not in log.read_text(), log


class Inbox:
    """aiosmtpd's handler: keeps what came."""

    def __init__(self) -> None:
        self.letters: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take one."""
        self.letters.append(envelope)
        return "250 OK"


def test_a_letter_is_sent_once_the_mail_server_is_back(browser: Browser, worker: Worker, around: Around) -> None:
    alice, port, inbox = make_user("alice"), free_port(), Inbox()
    (logs := around.logs / "away").mkdir()
    worker.end()
    other = Worker(replace(around, env={**around.env, "HETRI_MAIL_URL": f"smtp://127.0.0.1:{port}"}, logs=logs))
    try:
        browser.fill("/account/password/reset", email=alice.email)
        wait_for(lambda: "letter_waits" in (logs / "worker.log").read_text(), 30)
        server = Controller(inbox, hostname="127.0.0.1", port=port)
        server.start()
        wait_for(lambda: inbox.letters, 60)
        server.stop()
    finally:
        other.end()
        worker.start()
    assert [letter.rcpt_tos for letter in inbox.letters] == [[alice.email]]


def test_a_reset_for_nobody_sends_nothing(browser: Browser, worker: Worker, around: Around) -> None:
    nobody, alice = f"nobody-{uuid4().hex}@example.com", make_user("alice")
    assert browser.fill("/account/password/reset", email=nobody).headers["Location"].endswith("/sent")
    browser.fill("/account/password/reset", email=alice.email)
    wait_for(lambda: arrived(around, alice.email))
    assert arrived(around, nobody) == []


def test_a_sign_up_with_a_known_address_leaves_nothing_of_what_it_wrote_in_vain(browser: Browser) -> None:
    before, alice = (User.objects.count(), EmailAddress.objects.count()), make_user("alice")
    browser.fill("/account/signup", name="Dora", email=alice.email, password1=PASSWORD)
    assert (User.objects.count() - 1, EmailAddress.objects.count() - 1) == before


def test_a_letter_of_another_key_or_too_old_is_given_up() -> None:
    assert letters.open_sealed("gAAAAA") is None
    sealed = letters.seal(EmailMessage("Hello", "text", "a@example.com", ["b@example.com"]))
    letter = letters.open_sealed(sealed)
    assert letter is not None
    assert (letter.subject, letter.body, letter.to) == ("Hello", "text", ["b@example.com"])
    old = letters.fernet_for(letters.PURPOSE).encrypt_at_time(
        b"{}", int(time.time() - letters.TRIED_FOR.total_seconds() - 5)
    )
    assert letters.open_sealed(old.decode()) is None


def _login(browser: Browser, address: str) -> httpx.Response:
    return browser.post("/auth/login", json={"email": address, "password": "not the password"})


def _sign_up(browser: Browser, address: str) -> httpx.Response:
    return browser.fill("/account/signup", name="Dora", email=address, password1=PASSWORD)


TIMED: dict[str, Callable[[Browser, str], httpx.Response]] = {
    "sign-up": _sign_up,
    "link again": lambda browser, address: browser.fill("/account/confirm/again"),
    "reset": lambda browser, address: browser.fill("/account/password/reset", email=address),
    "login": _login,
    "login page": lambda browser, address: browser.fill("/account/login", username=address, password="not it"),
}


@pytest.mark.parametrize("door", TIMED)
def test_a_known_address_takes_as_long_as_an_unknown_one(door: str, server: str, live_db: None) -> None:
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    for number in range(PAIRS + 2):  # the first two are not counted
        addresses = {"known": make_user("alice").email, "unknown": f"nobody-{uuid4().hex[:8]}@example.com"}
        cache.clear()
        RateCount.objects.filter(key__startswith="login-address:").delete()
        for kind, address in sorted(addresses.items(), reverse=bool(number % 2)):
            with Browser(server) as browser:
                browser.come()
                if door == "link again":
                    _sign_up(browser, address)
                begun = time.perf_counter()
                answer = TIMED[door](browser, address)
                took[kind].append(time.perf_counter() - begun)
                assert answer.status_code in (200, 302, 401), answer.text
    known, unknown = (times[2:] for times in took.values())
    # Two that were asked one after the other: what else the machine did then, it did to both.
    ratio = statistics.median(a / b for a, b in zip(known, unknown, strict=True))
    print(f"{door}: known / unknown {ratio:.2f}, {statistics.median(known) * 1000:.1f} ms")
    assert 0.6 < ratio < 1.6, took
    assert statistics.median(known) < PATIENCE_S
