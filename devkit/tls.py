"""A CA of our own and a server certificate for localhost, made by openssl; P-256 keeps handshakes cheap."""

import subprocess
from pathlib import Path

CA_DAYS, SERVER_DAYS, RENEW_BEFORE_S = 3650, 397, 30 * 86_400
NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"


def ensure(folder: Path) -> None:
    """Make ca.pem, server.pem and their keys in `folder` where they are missing or near their end."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "ca.pem").exists():
        _key(folder / "ca.key")
        _run(
            "req",
            "-x509",
            "-new",
            "-key",
            folder / "ca.key",
            "-days",
            CA_DAYS,
            "-subj",
            "/CN=Hetri local CA",
            "-out",
            folder / "ca.pem",
        )
    if not _is_good(folder / "server.pem"):
        _server(folder)


def _server(folder: Path) -> None:
    _key(folder / "server.key")
    request, names = folder / "server.csr", folder / "server.names"
    names.write_text(NAMES)
    _run("req", "-new", "-key", folder / "server.key", "-subj", "/CN=localhost", "-out", request)
    authority = ("-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial")
    _run(
        "x509",
        "-req",
        "-in",
        request,
        *authority,
        "-days",
        SERVER_DAYS,
        "-extfile",
        names,
        "-out",
        folder / "server.pem",
    )
    request.unlink()
    names.unlink()


def _key(path: Path) -> None:
    path.touch(mode=0o600)
    _run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def _is_good(certificate: Path) -> bool:
    command = ["openssl", "x509", "-checkend", str(RENEW_BEFORE_S), "-noout", "-in", str(certificate)]
    return certificate.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
