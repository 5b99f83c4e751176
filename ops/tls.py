"""A CA of our own and a server certificate, made by openssl; P-256 keeps handshakes cheap."""

import ipaddress
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
    """Make the CA and the server's certificate in `folder` where they are missing, near their end or for other names.

    The certificate is for localhost and for `hosts`.
    ca.pem (and ca.der, for collars), its key ca.key, and server.pem: the certificate and its key in one file, so that
    no reader ever meets half a pair. A CA that is good stays: collars pin it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (is_good(folder / "ca.pem") and (folder / "ca.key").exists()):
        _authority(folder)
    if not (folder / "ca.der").exists():
        _run("x509", "-in", folder / "ca.pem", "-outform", "DER", "-out", folder / "ca.der")
    if not (is_good(folder / "server.pem", *hosts) and _is_ours(folder)):
        _server(folder, hosts)


def is_good(certificate: Path, *hosts: str, seconds: int = RENEW_BEFORE_S) -> bool:
    """Whether it is there, stays valid for that long and names all `hosts`."""
    if not certificate.exists():
        return False
    asked = [
        ("-checkend", str(seconds)),
        *(("-checkip" if _is_address(host) else "-checkhost", host) for host in hosts),
    ]
    return all(_answers_well(certificate, *question) for question in asked)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _named(host: str) -> str:
    """As a certificate names it: clients look for an address among the addresses only."""
    return f"{'IP' if _is_address(host) else 'DNS'}:{host}"


def _answers_well(certificate: Path, *question: str) -> bool:
    """openssl says of a name that does not match, but exits with 0 all the same."""
    command = ["openssl", "x509", "-noout", "-in", str(certificate), *question]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0 and "NOT match" not in done.stdout


def _authority(folder: Path) -> None:
    (folder / "ca.der").unlink(missing_ok=True)
    _key(folder / "ca.key")
    signer = ("-signkey", folder / "ca.key", "-days", CA_DAYS)
    _certificate(folder, "ca", "/CN=Hetri local CA", CA_EXTENSIONS, *signer).replace(folder / "ca.pem")


def _server(folder: Path, hosts: tuple[str, ...]) -> None:
    key = folder / "server.key"
    _key(key)
    signer = ("-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", SERVER_DAYS)
    names = ", ".join(dict.fromkeys([*LOOPBACK_NAMES, *(_named(host) for host in hosts)]))
    fresh = _certificate(folder, "server", "/CN=localhost", SERVER_EXTENSIONS.format(names=names), *signer)
    key.write_text(fresh.read_text() + key.read_text())
    fresh.unlink()
    key.replace(folder / "server.pem")


def _certificate(folder: Path, name: str, subject: str, extensions: str, *signer: object) -> Path:
    """Make a certificate for NAME.key; where it lies."""
    request, wanted, fresh = (folder / f"{name}.{ending}" for ending in ("csr", "ext", "new"))
    wanted.write_text(extensions)
    _run("req", "-new", "-key", folder / f"{name}.key", "-subj", subject, "-out", request)
    _run("x509", "-req", "-in", request, *signer, "-extfile", wanted, "-out", fresh)
    request.unlink()
    wanted.unlink()
    return fresh


def _key(path: Path) -> None:
    path.touch(mode=0o600)
    _run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def _is_ours(folder: Path) -> bool:
    """Whether our CA has signed the server's certificate, and its key lies beside it."""
    certificate = folder / "server.pem"
    command = ["openssl", "verify", "-CAfile", str(folder / "ca.pem"), str(certificate)]
    signed = subprocess.run(command, capture_output=True, check=False).returncode == 0
    return signed and "PRIVATE KEY" in certificate.read_text()


def _run(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
