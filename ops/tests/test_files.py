"""Certificates, logs, templates, settings files."""

import ssl
from pathlib import Path

import pytest
from cryptography.x509 import IPAddress, SubjectAlternativeName, load_pem_x509_certificates

from ops import tls
from ops.environment import read_env_file
from ops.logs import Followed, cut_long
from ops.render import render
from tools.dev.__main__ import parse


def test_the_ca_stays_and_a_lost_server_key_is_mended(tmp_path: Path) -> None:
    tls.ensure(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in ("ca.pem", "ca.der", "server.pem")}
    tls.ensure(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    certificate, _, _ = (tmp_path / "server.pem").read_text().partition("-----BEGIN EC")
    (tmp_path / "server.pem").write_text(certificate)
    tls.ensure(tmp_path)
    assert (tmp_path / "ca.pem").read_bytes() == before["ca.pem"]
    assert (tmp_path / "server.pem").read_bytes() != before["server.pem"]


def test_a_new_ca_signs_anew_and_keys_are_private(tmp_path: Path) -> None:
    tls.ensure(tmp_path)
    (tmp_path / "ca.pem").unlink()
    tls.ensure(tmp_path)
    assert (tmp_path / "ca.der").read_bytes() == ssl.PEM_cert_to_DER_cert((tmp_path / "ca.pem").read_text())
    for name in ("ca.key", "server.pem"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")


def test_the_certificate_follows_the_hosts_names(tmp_path: Path) -> None:
    tls.ensure(tmp_path, "a.example")
    first = (tmp_path / "server.pem").read_bytes()
    tls.ensure(tmp_path, "a.example")
    assert (tmp_path / "server.pem").read_bytes() == first
    tls.ensure(tmp_path, "b.example", "a.example")
    assert tls.is_good(tmp_path / "server.pem", "localhost", "a.example", "b.example")
    assert not tls.is_good(tmp_path / "server.pem", "c.example")


def test_a_long_log_loses_its_older_half(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with open(log, "ab") as writer:
        writer.write(b"old\n" * 1000)
        writer.flush()
        cut_long(tmp_path, most=1000)
        assert log.stat().st_size == 500
        writer.write(b"new\n")  # who has it open goes on behind
    assert log.read_bytes().endswith(b"old\nnew\n")


def test_following_shows_whole_lines_and_survives_a_cut(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("one\ntw")
    followed = Followed(log, 0)
    assert followed.new_lines() == ["one"]
    with open(log, "a") as writer:
        writer.write("o\n")
    assert followed.new_lines() == ["two"]
    log.write_text("")
    assert followed.new_lines() == []
    with open(log, "a") as writer:
        writer.write("three\n")
    assert followed.new_lines() == ["three"]


def test_a_template_with_an_unknown_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("pid @var@/x; return 308 $uri; error_page 502 @down;")
    assert render(tmp_path / "conf", {"var": "/v"}) == "pid /v/x; return 308 $uri; error_page 502 @down;"
    with pytest.raises(KeyError):
        render(tmp_path / "conf", {})


def test_an_env_file_leaves_out_comments_and_empty_values(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# A=1\nB=\n C = 3 \nD='four'\nnonsense\n")
    assert read_env_file(tmp_path / ".env") == {"C": "3", "D": "four"}
    assert read_env_file(tmp_path / "none") == {}


def test_another_programs_options_are_passed_on() -> None:
    assert parse(["test", "-x", "--", "-k", "a or b"]).arguments == ["-x", "--", "-k", "a or b"]
    assert parse(["manage", "--help"]).arguments == ["--help"]
    assert parse(["demo", "--fresh"]).fresh


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
def test_a_server_that_is_reached_by_its_address_is_named_by_it(tmp_path: Path, address: str) -> None:
    tls.ensure(tmp_path)
    before = (tmp_path / "server.pem").read_bytes()
    assert not tls.is_good(tmp_path / "server.pem", address)
    tls.ensure(tmp_path, address)
    assert (tmp_path / "server.pem").read_bytes() != before
    told = load_pem_x509_certificates((tmp_path / "server.pem").read_bytes().partition(b"-----BEGIN EC")[0])[0]
    named = told.extensions.get_extension_for_class(SubjectAlternativeName).value.get_values_for_type(IPAddress)
    assert address in map(str, named)
    assert tls.is_good(tmp_path / "server.pem", address, "localhost")
