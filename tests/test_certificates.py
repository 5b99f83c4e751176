"""A new certificate reaches every port, and nobody is cut (with a real authority: `./dev soak certificates`)."""

import runpy
import socket
import ssl
from pathlib import Path

import httpx

from ops import tls
from ops.instance import Instance
from ops.paths import ROOT
from tests.conftest import Stack
from tools.testing import wait_for


def shown(instance: Instance) -> set[bytes]:
    """The certificates that new clients get at the three ports."""
    context = ssl.create_default_context(cafile=str(instance.var / "tls" / "ca.pem"))
    found = set()
    for name in ("HETRI_HTTPS_PORT", "HETRI_MQTTS_PORT", "HETRI_RTMPS_PORT"):
        with (
            socket.create_connection(("localhost", int(instance.env[name]))) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as line,
        ):
            found.add(line.getpeercert(binary_form=True) or b"")
    return found


def issue(instance: Instance, acme: Path) -> None:
    """Lay a fresh pair where Certbot would, signed by the instance's own CA."""
    live = acme / "config" / "live" / "hetri"
    live.mkdir(parents=True)
    for name in ("ca.pem", "ca.key", "ca.der"):
        (live / name).write_bytes((instance.var / "tls" / name).read_bytes())
    tls.ensure(live)
    certificate, begins, key = (live / "server.pem").read_text().partition("-----BEGIN EC")
    (live / "fullchain.pem").write_text(certificate)
    (live / "privkey.pem").write_text(begins + key)


def test_a_new_certificate_is_shown_on_every_port_and_the_collar_stays(stack: Stack, tmp_path: Path) -> None:
    instance, log = stack.instance, stack.instance.var / "log" / "collar.log"
    before, connects = shown(instance), log.read_text().count(" connected ")
    issue(instance, tmp_path)
    place = runpy.run_path(str(ROOT / "deploy" / "certbot" / "certificate.py"))["place"]
    assert place(tmp_path, instance.var / "tls" / "server.pem")
    assert not place(tmp_path, instance.var / "tls" / "server.pem")
    fresh = wait_for(lambda: len(now := shown(instance)) == 1 and not now & before and now)
    assert len(before) == len(fresh) == 1
    assert instance.healthy("nginx")
    assert log.read_text().count(" connected ") == connects


def test_plain_http_leads_to_https_and_holds_what_certbot_proves(stack: Stack) -> None:
    door = f"http://localhost:{stack.instance.env['HETRI_HTTP_PORT']}"
    led = httpx.get(f"{door}/account/?a=1")
    assert (led.status_code, led.headers["location"]) == (308, f"{stack.demo['url']}/account/?a=1")
    folder = stack.instance.var / "webroot" / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / "proof").write_text("right")
    assert httpx.get(f"{door}/.well-known/acme-challenge/proof").text == "right"
    assert httpx.get(f"{door}/.well-known/acme-challenge/none").status_code == 404
