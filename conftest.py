"""Fixtures of every test: people, and the running web and ingest processes on the test database.

Alice owns collars, Bob is another owner, Charlie is staff. `./dev test` starts PostgreSQL, Redis and Mosquitto
and sets the environment; nothing here is a stand-in for them.
"""

import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import connections
from django.test.utils import setup_databases
from pytest_django import DjangoDbBlocker

from accounts.models import User
from core import audit
from ops import processes
from tools.testing import Api, Collar, wait_for

PASSWORD = "correct horse battery"
# Whoever calls a server here trusts this CA and no other; to load all of the world's takes 20 ms a client.
os.environ["SSL_CERT_FILE"] = str(settings.TLS_CA)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The test database, whichever tests run: other processes use it, too. It goes with its cluster."""
    with django_db_blocker.unblock():
        setup_databases(verbosity=0, interactive=False, keepdb=True, aliases={"default"})


@pytest.fixture(scope="session", autouse=True)
def _own_names(django_db_setup: None) -> None:
    """Names that another run on the same services cannot meet."""
    settings.LIVE_CHANNEL = f"test:{uuid.uuid4().hex}"


@pytest.fixture(autouse=True)
def _nobody_acts() -> None:
    """A request that an earlier test made in this process has left its door and person: a server's end with it."""
    audit.door.set("system")
    audit.user.set("")


@cache
def _hashed() -> str:
    """PASSWORD as it is kept: hashed once, since a hash is made to be slow."""
    return make_password(PASSWORD)


def make_user(name: str, role: str = "owner", group: str = "operations") -> User:
    """A committed or rolled-back user, with an e-mail of their own; `group` is for staff."""
    email = f"{name}-{uuid.uuid4().hex[:8]}@example.com"
    user = User.objects.create_user(email, None, name=name.title(), role=role)
    user.password = _hashed()
    user.save(update_fields=["password"])
    if role == "staff":
        user.groups.add(Group.objects.get(name=group))
    return user


@pytest.fixture
def live_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database without a transaction around the test: other processes see what is written."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()


def database_url() -> str:
    """The test database, as other processes are told it."""
    here = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(here._replace(path=f"/{settings.DATABASES['default']['NAME']}"))


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _spawn(name: str, command: list[str], env: dict[str, str], logs: Path) -> subprocess.Popen[bytes]:
    with open(logs / f"{name}.log", "ab") as log:
        return subprocess.Popen(
            command,
            env=env,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=processes.ends_with_us(),  # noqa: PLW1509 - it only calls prctl
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Around:
    """Where processes of the test run: their environment, and the folder of their logs and heartbeats."""

    env: dict[str, str]
    logs: Path
    url: str

    def spawn(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """`python -m ...`, logging to `name`.log."""
        return _spawn(name, [sys.executable, "-m", *command], self.env, self.logs)

    def told(self, name: str) -> None:
        """Print the end of a log that has a traceback."""
        if "Traceback" in (text := (self.logs / f"{name}.log").read_text()):
            print(f"--- {name}.log\n{text[-6000:]}")


@pytest.fixture(scope="session")
def around(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Around:
    """What processes on the test database share."""
    logs = tmp_path_factory.mktemp("logs")
    url = f"http://localhost:{free_port()}"
    env = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "HETRI_LIVE_CHANNEL": settings.LIVE_CHANNEL,
        "HETRI_MQTT_CLIENT_ID": f"test-{uuid.uuid4().hex[:8]}",
        "HETRI_VAR": str(logs),
        "HETRI_MQTT_PASSWORD_FILE": str(settings.MQTT_PASSWORD_FILE),
        "HETRI_TLS_CA": str(settings.TLS_CA),
        "HETRI_URL": url,
    }
    return Around(env, logs, url)


@pytest.fixture(scope="session")
def server(around: Around) -> Iterator[str]:
    """The web server and ingest as processes on the test database; the value is the base URL."""
    port = str(urlsplit(around.url).port)
    processes = [
        around.spawn("web", "hetri.web_server", "-b", "127.0.0.1", "-p", port, "hetri.asgi:application"),
        around.spawn("ingest", "manage", "ingest"),
    ]
    try:
        wait_for(lambda: _answers(around.url), seconds=30)
        wait_for((around.logs / "heartbeat" / "ingest").exists, seconds=30)
        yield around.url
    finally:
        for process in processes:
            _end(process)
        for name in ("web", "ingest"):
            around.told(name)


class Worker:
    """The worker of the task queue, which a test may kill."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self.start()

    def start(self) -> None:
        """It takes what waits in the queue once it is up."""
        command = ("celery", "-A", "hetri", "worker", "-P", "threads", "-c", "2", "-Q", "celery", "--without-mingle")
        self._process = self._around.spawn("worker", *command, "--without-gossip")

    def kill(self) -> None:
        """At once, whatever it is doing."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """In order."""
        _end(self._process)
        self._around.told("worker")


@pytest.fixture(scope="module")
def worker(around: Around) -> Iterator[Worker]:
    """A running worker."""
    found = Worker(around)
    yield found
    found.end()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def sign_in(server: str, live_db: None) -> Iterator[Callable[..., Api]]:
    """`sign_in("alice")`: a new committed user with a bearer token, as a client of the running server."""
    opened: list[Api] = []

    def begin(name: str = "alice", role: str = "owner", group: str = "operations") -> Api:
        api = Api(server, make_user(name, role, group), PASSWORD)
        opened.append(api)
        return api

    yield begin
    for api in opened:
        api.close()


@pytest.fixture
def alice(sign_in: Callable[..., Api]) -> Api:
    return sign_in("alice")


@pytest.fixture
def bob(sign_in: Callable[..., Api]) -> Api:
    return sign_in("bob")


@pytest.fixture
def charlie(sign_in: Callable[..., Api]) -> Api:
    return sign_in("charlie", role="staff")


@pytest.fixture
def anonymous(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server) as client:
        yield client


@pytest.fixture
def collar_of(server: str) -> Iterator[Callable[..., Collar]]:
    """`collar_of(api, device)`: the device's collar, connected and known to be online."""
    started: list[Collar] = []

    def begin(api: Api, device: dict[str, Any], answers: tuple[str, ...] = ("accepted", "dispensed")) -> Collar:
        collar = Collar(device["mqtt"], answers).start()
        started.append(collar)
        wait_for(lambda: api.get(f"/devices/{device['id']}/status").json()["status"] == "online")
        return collar

    yield begin
    for collar in started:
        collar.stop()
