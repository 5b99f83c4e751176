"""Password hashing under the containers' memory: everybody comes at once, and no web process may die of it."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx
import yaml

from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import ALL
from ops.paths import ROOT
from tools.benchmarks.report import percentile
from tools.soak.people import make_accounts

LOGINS, SIGN_UPS, HAND_OVERS, ROUNDS = 60, 20, 20, 3
CGROUPS = Path("/sys/fs/cgroup")
MB = 1_000_000
FINE = {200, 302, 401, 429, 503}
OLD_HASHES = """
from django.contrib.auth.hashers import Argon2PasswordHasher
from accounts.models import User
old = Argon2PasswordHasher().encode({password!r}, "a salt of some length")
User.objects.filter(email__startswith="soak-").update(password=old)
"""
Answer = tuple[str, int, float]  # which door, its status, seconds


def run() -> Mapping[str, object]:
    """The most memory of each web process, and how its doors answered. Raises Refusal when one died or broke."""
    limit = _limit_of_web()
    with Instance(ROOT / "var" / "test" / f"hashing-{os.getpid()}", test=True, webs=2) as instance:
        instance.start(ALL, steps=True, seconds=180)
        webs = {name: pid for name in ("web", "web2") if (pid := instance.pid(name)) is not None}
        accounts = make_accounts(instance, HAND_OVERS)
        facts: dict[str, object] = {"limit_mb": limit // MB, "logins": LOGINS, "rounds": ROUNDS}
        for name, pid in webs.items():
            with _bounded(f"hetri-{name}-{os.getpid()}", pid, limit):
                answers = _crowd(instance, name, accounts)
            if instance.pid(name) != pid:
                raise Refusal(f"{name} died: {instance.pid(name)} instead of {pid}.")
            facts[name] = _judged(answers, pid)
    return facts


def _limit_of_web() -> int:
    """Bytes that the web container may have."""
    text = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["web"]["mem_limit"]
    return int(str(text).removesuffix("m")) * 1024 * 1024


@contextmanager
def _bounded(name: str, pid: int, limit: int) -> Iterator[None]:
    """The process in a memory group of its own. What it holds already is taken off: a group counts what comes in it."""
    parent, file = _own_group()
    group = parent / name
    try:
        group.mkdir()
        (group / file).write_text(str(limit - _kb(pid, "VmRSS") * 1024))
        (group / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        raise Refusal(f"No memory group can be made here ({error}). Run it as root, outside of a container.") from error
    try:
        yield
    finally:
        for line in (group / "cgroup.procs").read_text().split():
            (parent / "cgroup.procs").write_text(line)
        group.rmdir()


def _own_group() -> tuple[Path, str]:
    """This process's memory group, and the name of the file that bounds one: version 1 or 2 of cgroups."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().split()]
    first = next((path for _, kinds, path in lines if "memory" in kinds.split(",")), None)
    if first is not None:
        inside = CGROUPS / "memory" / first.strip("/")
        return inside if inside.exists() else CGROUPS / "memory", "memory.limit_in_bytes"
    path = next(path for number, _, path in lines if number == "0")
    return CGROUPS / path.strip("/"), "memory.max"


def _kb(pid: int, name: str) -> int:
    """A line of the process's status, in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


def _crowd(instance: Instance, web: str, accounts: list[dict[str, str]]) -> list[Answer]:
    """Everybody at once at one web process, and once more."""
    client = partial(_client, instance, web)
    with ThreadPoolExecutor(LOGINS + SIGN_UPS + HAND_OVERS + 1) as pool:
        answers: list[Answer] = []
        for _number in range(ROUNDS):
            _age_hashes(instance, accounts)
            ready = list(pool.map(lambda account: _with_collar(client(), account), accounts))
            _age_hashes(instance, accounts)
            doors: list[Callable[[], Answer]] = [
                *(partial(_log_in, client(), account) for account in accounts),
                *(partial(_log_in, client(), _nobody()) for _ in range(LOGINS - len(accounts))),
                *(partial(_sign_up, client()) for _ in range(SIGN_UPS)),
                *(partial(_hand_over, *one) for one in ready),
                *(partial(_look, client()) for _ in range(1)),
            ]
            answers += [done.result() for done in [pool.submit(door) for door in doors]]
    return answers


def _age_hashes(instance: Instance, accounts: list[dict[str, str]]) -> None:
    """The largest that may be stored: Django's own 100 MiB, which every sign-in makes anew."""
    done = instance.manage("shell", "-c", OLD_HASHES.format(password=accounts[0]["password"]))
    if done.returncode:
        raise Refusal(done.stderr[-1000:])


def _client(instance: Instance, web: str) -> httpx.Client:
    """Somebody with an address of their own, at this process."""
    number = uuid4().int
    address = f"10.{number & 255}.{number >> 8 & 255}.{number >> 16 & 255}"
    url = instance.env["HETRI_URL"]
    return httpx.Client(
        transport=httpx.HTTPTransport(uds=str(instance.run / f"{web}.sock")),
        base_url=url.replace("https", "http", 1),
        headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": address, "Origin": url, "Referer": url},
        timeout=60,
    )


def _nobody() -> dict[str, str]:
    return {"email": f"nobody-{uuid4().hex}@hetri.example", "password": uuid4().hex}


def _timed(name: str, ask: Callable[[], httpx.Response]) -> Answer:
    begun = time.monotonic()
    status = ask().status_code
    return name, status, time.monotonic() - begun


def _log_in(client: httpx.Client, account: dict[str, str]) -> Answer:
    return _timed("login", lambda: client.post("/auth/login", json=account))


def _sign_up(client: httpx.Client) -> Answer:
    cookie = client.get("/account/signup").cookies["csrftoken"]
    form = {"name": "Soak", "email": _nobody()["email"], "password1": uuid4().hex, "csrfmiddlewaretoken": cookie}
    headers = {"Cookie": f"csrftoken={cookie}"}  # httpx keeps a secure cookie to itself on a socket
    return _timed("sign-up", lambda: client.post("/account/signup", data=form, headers=headers))


def _with_collar(client: httpx.Client, account: dict[str, str]) -> tuple[httpx.Client, str, str]:
    """Signed in, with a collar to give away."""
    while (answer := client.post("/auth/login", json=account)).status_code == 503:
        time.sleep(1)
    client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access']}"
    device = client.post("/devices", json={"name": "Soak"}).raise_for_status().json()["id"]
    return client, device, account["password"]


def _hand_over(client: httpx.Client, device: str, password: str) -> Answer:
    return _timed("hand-over", lambda: client.post(f"/devices/{device}/handover", json={"password": password}))


def _look(client: httpx.Client) -> Answer:
    return _timed("healthz", lambda: client.get("/healthz"))


def _judged(answers: list[Answer], pid: int) -> dict[str, object]:
    """Figures of one process. Raises Refusal for an answer that is none of FINE, or a door that let nobody in."""
    by_door: dict[str, Counter[int]] = {}
    for door, status, _ in answers:
        by_door.setdefault(door, Counter())[status] += 1
    told = {door: dict(counts) for door, counts in by_door.items()}
    if any(set(counts) - FINE for counts in told.values()) or any(set(counts) == {503} for counts in told.values()):
        raise Refusal(f"Answers: {json.dumps(told)}")
    took = [seconds * 1000 for _, _, seconds in answers]
    return {"most_mb": round(_kb(pid, "VmHWM") * 1024 / MB), "answers": told, "p99_ms": round(percentile(took, 0.99))}
