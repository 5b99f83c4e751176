"""A CA of our own and a server certificate for localhost, made by openssl; P-256 keeps handshakes cheap."""

import subprocess
from pathlib import Path

CA_DAYS, SERVER_DAYS, RENEW_BEFORE_S = 3650, 397, 30 * 86_400
CA_EXTENSIONS = """\
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""
LOOPBACK_NAMES = ("DNS:localhost", "IP:127.0.0.1", "IP:::1")
SERVER_EXTENSIONS = """\
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


def ensure(folder: Path, *hosts: str) -> None:
    """Make the CA and the server's certificate in `folder` where they are missing or near their end.

    The certificate is for localhost and for `hosts`.
    ca.pem (and ca.der, for collars), server.pem, and the keys ca.key and server.key. A CA that is good stays:
    collars pin it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (_is_good(folder / "ca.pem") and (folder / "ca.key").exists()):
        _authority(folder)
    if not (folder / "ca.der").exists():
        _run("x509", "-in", folder / "ca.pem", "-outform", "DER", "-out", folder / "ca.der")
    if not (_is_good(folder / "server.pem") and (folder / "server.key").exists() and _is_ours(folder)):
        _server(folder, hosts)


def _authority(folder: Path) -> None:
    (folder / "ca.der").unlink(missing_ok=True)
    _key(folder / "ca.key")
    _certificate(folder, "ca", "/CN=Hetri local CA", CA_EXTENSIONS, "-signkey", folder / "ca.key", "-days", CA_DAYS)


def _server(folder: Path, hosts: tuple[str, ...]) -> None:
    _key(folder / "server.key")
    signer = ("-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", SERVER_DAYS)
    names = ", ".join(dict.fromkeys([*LOOPBACK_NAMES, *(f"DNS:{host}" for host in hosts)]))
    _certificate(folder, "server", "/CN=localhost", SERVER_EXTENSIONS.format(names=names), *signer)


def _certificate(folder: Path, name: str, subject: str, extensions: str, *signer: object) -> None:
    """Make NAME.pem for NAME.key."""
    request, wanted, fresh = (folder / f"{name}.{ending}" for ending in ("csr", "ext", "new"))
    wanted.write_text(extensions)
    _run("req", "-new", "-key", folder / f"{name}.key", "-subj", subject, "-out", request)
    _run("x509", "-req", "-in", request, *signer, "-extfile", wanted, "-out", fresh)
    fresh.replace(folder / f"{name}.pem")
    request.unlink()
    wanted.unlink()


def _key(path: Path) -> None:
    path.touch(mode=0o600)
    _run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def _is_good(certificate: Path) -> bool:
    """Whether it is there and stays valid for a while."""
    command = ["openssl", "x509", "-checkend", str(RENEW_BEFORE_S), "-noout", "-in", str(certificate)]
    return certificate.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0


def _is_ours(folder: Path) -> bool:
    """Whether our CA has signed the server's certificate."""
    command = ["openssl", "verify", "-CAfile", str(folder / "ca.pem"), str(folder / "server.pem")]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
