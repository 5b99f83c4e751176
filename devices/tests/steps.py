"""The services of several steps, each as somebody asks for it: what is told, what is done, and that nothing is half."""

import json
import subprocess
import sys
from typing import Any, ClassVar
from uuid import uuid4

import httpx
from django.db import OperationalError

from accounts.models import User
from broker.registry import registry
from conftest import Around
from core.errors import ApiError, Unavailable
from core.times import now
from devices.models import BrokerTrial, Device
from devices.services import trials
from devices.services.account_deletion import delete_account
from firmware.models import Release, UpdateJob
from firmware.services import rollouts
from provisioning.models import Batch
from provisioning.services import batches
from tools.testing import Api, Collar, wait_for


def works(mqtt: dict[str, Any]) -> None:
    """The broker lets these credentials in, at the latest when it has caught up."""
    wait_for(lambda: Collar(mqtt).accepted())


def is_refused(mqtt: dict[str, Any]) -> None:
    """The broker lets these credentials in no more."""
    wait_for(lambda: not Collar(mqtt).accepted())


def settle() -> None:
    """What beat does in time: trials that nobody kept end. Then the broker holds what the database holds."""
    BrokerTrial.objects.update(begun_at=now().replace(year=2020))
    trials.end_overdue()
    assert registry().sync() is False


class Step:
    """One service: `act` says whether it was told as done, `is_done` whether it is; `check` that all else fits."""

    name: ClassVar[str]
    on_trial: ClassVar[bool] = True  # the broker is told before it is done

    def __init__(self, alice: Api, bob: Api, charlie: Api, around: Around) -> None:
        self.alice, self.bob, self.charlie, self.around = alice, bob, charlie, around
        self.answer: Any = None
        self.prepare()

    def prepare(self) -> None:
        """A collar of Alice's."""
        self.device = self.alice.new_device()
        self.path = f"/devices/{self.device['id']}"

    def act(self) -> bool:
        """Ask, and take the answer at its word."""
        response = self.ask()
        assert response.status_code in (200, 201, 204, 503), response.text
        if response.status_code == 503:
            assert response.json()["code"] in ("broker_unavailable", "database_unavailable"), response.text
            assert response.headers["Retry-After"]
        else:
            self.answer = response.json() if response.content else None
        return response.status_code != 503

    def ask(self) -> httpx.Response:
        """The request."""
        raise NotImplementedError

    def is_done(self) -> bool:
        """As anybody finds it afterwards."""
        raise NotImplementedError

    def is_under_way(self) -> bool:
        """Whether the broker is being told, and nothing is done yet."""
        return BrokerTrial.objects.exists()

    def check(self, told: bool) -> None:
        """What must hold besides."""


class Provision(Step):
    name = "provision"

    def prepare(self) -> None:
        self.title = f"Rex {uuid4().hex}"

    def ask(self) -> httpx.Response:
        return self.alice.post("/devices", json={"name": self.title})

    def is_done(self) -> bool:
        return Device.objects.filter(name=self.title).exists()

    def check(self, told: bool) -> None:
        if told:
            works(self.answer["mqtt"])


class ProvisionByHand(Provision):
    """By manage.py, which prints a password and a claim code once."""

    name = "provision_collar"

    def act(self) -> bool:
        command = [sys.executable, "manage.py", "provision_collar", "--name", self.title, "--json"]
        done = subprocess.run(command, env=self.around.env, capture_output=True, text=True, check=False)
        self.answer = json.loads(done.stdout) if done.returncode == 0 else None
        assert done.returncode == 0 or done.stderr.count("\n") == 1, done.stderr
        return done.returncode == 0

    def check(self, told: bool) -> None:
        super().check(told)
        if told:
            claimed = self.bob.post("/devices/claim", json={"claim_code": self.answer["claim_code"]})
            assert claimed.status_code == 200


class Rotate(Step):
    name = "rotate"

    def ask(self) -> httpx.Response:
        return self.alice.post(f"{self.path}/credentials")

    def prepare(self) -> None:
        super().prepare()
        self.before = Device.objects.get(pk=self.device["id"]).mqtt_pass_hash

    def is_done(self) -> bool:
        return Device.objects.get(pk=self.device["id"]).mqtt_pass_hash != self.before

    def check(self, told: bool) -> None:
        works(self.answer["mqtt"] if told else self.device["mqtt"])
        if told:
            is_refused(self.device["mqtt"])


class HandOver(Step):
    name, on_trial = "handover", False

    def ask(self) -> httpx.Response:
        return self.alice.post(f"{self.path}/handover", json={"password": self.alice.password})

    def is_done(self) -> bool:
        return self.alice.get(f"{self.path}/handover").status_code == 200

    def check(self, told: bool) -> None:
        works(self.device["mqtt"])
        if told:
            claimed = self.bob.post("/devices/claim", json={"claim_code": self.answer["claim_code"]})
            assert claimed.status_code == 200


class CallOff(HandOver):
    name = "call off"

    def prepare(self) -> None:
        super().prepare()
        self.code = super().ask().json()["claim_code"]

    def ask(self) -> httpx.Response:
        return self.alice.delete(f"{self.path}/handover")

    def is_done(self) -> bool:
        return not super().is_done()

    def check(self, told: bool) -> None:
        claimed = self.bob.post("/devices/claim", json={"claim_code": self.code})
        assert claimed.status_code == (404 if told else 200)


class Claim(Step):
    name = "claim"

    def prepare(self) -> None:
        super().prepare()
        given = self.alice.post(f"{self.path}/handover", json={"password": self.alice.password})
        self.code = given.json()["claim_code"]

    def ask(self) -> httpx.Response:
        return self.bob.post("/devices/claim", json={"claim_code": self.code})

    def is_done(self) -> bool:
        owners = [api.get(self.path).status_code == 200 for api in (self.alice, self.bob)]
        assert owners.count(True) == 1
        return owners[1]

    def check(self, told: bool) -> None:
        works(self.answer["mqtt"] if told else self.device["mqtt"])
        again = self.ask()
        assert again.status_code == (404 if told else 200), again.text


class Retire(Step):
    name = "retire"

    def ask(self) -> httpx.Response:
        return self.alice.delete(self.path)

    def is_done(self) -> bool:
        return bool(self.alice.get(self.path).json()["retired_at"])

    def check(self, told: bool) -> None:
        (is_refused if told else works)(self.device["mqtt"])


class Restore(Step):
    name = "restore"

    def prepare(self) -> None:
        super().prepare()
        assert self.alice.delete(self.path).status_code == 204

    def ask(self) -> httpx.Response:
        return self.alice.post(f"{self.path}/restore")

    def is_done(self) -> bool:
        return not self.alice.get(self.path).json()["retired_at"]

    def check(self, told: bool) -> None:
        is_refused(self.device["mqtt"])
        if told:
            works(self.answer["mqtt"])


class Leave(Step):
    """An account is deleted, with two collars."""

    name = "delete account"

    def prepare(self) -> None:
        self.devices = [self.alice.new_device() for _ in range(2)]

    def act(self) -> bool:
        try:
            delete_account(user=User.objects.get(pk=self.alice.user.pk))
        except (Unavailable, OperationalError):
            return False
        return True

    def is_done(self) -> bool:
        return not User.objects.filter(pk=self.alice.user.pk).exists()

    def check(self, told: bool) -> None:
        retired = Device.objects.filter(pk__in=[one["id"] for one in self.devices], retired_at__isnull=False)
        assert retired.count() == (2 if told else 0)
        for device in self.devices:
            (is_refused if told else works)(device["mqtt"])


class Configure(Step):
    name, on_trial = "config", False

    def ask(self) -> httpx.Response:
        return self.alice.patch(self.path, json={"name": "New", "config": {"telemetry_interval_s": 7}})

    def is_done(self) -> bool:
        found = self.alice.get(self.path).json()
        whole = (found["name"] == "New", found["config"]["telemetry_interval_s"] == 7, found["config_version"] == 2)
        assert len(set(whole)) == 1
        return whole[0]

    def check(self, told: bool) -> None:
        collar = Collar(self.device["mqtt"]).start(config_version=0)
        wanted = 7 if told else 60
        wait_for(lambda: wanted in [one["telemetry_interval_s"] for one in collar.received("config")])
        collar.stop()


class MovePet(Configure):
    """A pet moves; its collar follows."""

    name = "pet"

    def prepare(self) -> None:
        self.pet = self.alice.new_pet(time_zone="Europe/Berlin")
        self.device = self.alice.new_device(pet=self.pet["id"])
        self.path = f"/devices/{self.device['id']}"

    def ask(self) -> httpx.Response:
        return self.alice.patch(f"/pets/{self.pet['id']}", json={"time_zone": "Asia/Tokyo"})

    def is_done(self) -> bool:
        zones = (self.alice.get(f"/pets/{self.pet['id']}").json(), self.alice.get(self.path).json()["config"])
        moved = {one["time_zone"] == "Asia/Tokyo" for one in zones}
        assert len(moved) == 1
        return moved == {True}

    def check(self, told: bool) -> None:
        collar = Collar(self.device["mqtt"]).start(config_version=0)
        wanted = "Asia/Tokyo" if told else "Europe/Berlin"
        wait_for(lambda: wanted in [one["time_zone"] for one in collar.received("config")])
        collar.stop()


class MakeBatch(Step):
    """A step of a worker: what fails is tried again, and no secret is lost."""

    name, on_trial = "batch", False

    def prepare(self) -> None:
        self.batch = batches.order_batch(key=uuid4(), name="Collar", size=2, by=self.charlie.user)

    def act(self) -> bool:
        try:
            batches.run_step(batch_id=self.batch.pk, made=0)
        except OperationalError:
            return False
        self.batch.refresh_from_db()
        return self.batch.state == "done"

    def is_under_way(self) -> bool:
        return Batch.objects.get(pk=self.batch.pk).made > 0

    def is_done(self) -> bool:
        self.batch.refresh_from_db()
        return self.batch.state == "done"

    def check(self, told: bool) -> None:
        while self.batch.state == "running":
            batches.run_step(batch_id=self.batch.pk, made=self.batch.made)
            self.batch.refresh_from_db()
        entries = batches.reveal(batch=self.batch, by=self.charlie.user)
        assert len(entries) == 2
        for entry in entries:
            named = {"username": entry.id, "password": entry.password, "client_id": entry.id}
            works({**self.alice.new_device()["mqtt"], **named})


class RollOut(Step):
    """A release is published and rolled out; the jobs are there, or the release is as before."""

    name, on_trial = "roll out", False

    def prepare(self) -> None:
        super().prepare()
        version = f"9.{uuid4().int % 10**6}.0"
        self.release = Release.objects.create(
            version=version, board="esp32", manifest=b"{}", signature=b"x", program=b"x", size=1
        )
        rollouts.publish(release=self.release)

    def act(self) -> bool:
        try:
            rollouts.roll_out(release=self.release, percent=100)
        except (ApiError, OperationalError):
            return False
        return True

    def is_done(self) -> bool:
        job = UpdateJob.objects.filter(release=self.release, device=self.device["id"]).exists()
        assert job is (Release.objects.get(pk=self.release.pk).percent == 100)
        return job

    def check(self, told: bool) -> None:
        rollouts.withdraw(release=self.release)


STEPS = (
    Provision,
    ProvisionByHand,
    Rotate,
    HandOver,
    CallOff,
    Claim,
    Retire,
    Restore,
    Leave,
    Configure,
    MovePet,
    MakeBatch,
    RollOut,
)
