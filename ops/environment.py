"""The environment of an instance: its secrets, its ports and the settings that follow from where it lies."""

import hashlib
import os
import secrets
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

from ops import ports
from ops.errors import Refusal
from ops.paths import ROOT, VENV

SECRETS = ("HETRI_SECRET_KEY", "HETRI_CLAIM_KEY", "HETRI_MQTT_PASSWORD", "HETRI_HOOK_SECRET", "HETRI_VIDEO_KEY")
PUBLIC_PORTS = {"HETRI_HTTPS_PORT": 8443, "HETRI_MQTTS_PORT": 8883, "HETRI_RTMPS_PORT": 1936}
INTERNAL_PORTS = (
    "HETRI_HTTP_PORT",
    "HETRI_MQTT_PORT",
    "HETRI_RTMP_PORT",
    "HETRI_RTMP_HTTP_PORT",
)
# Not ours to inherit: they would point our processes at another installation or another database.
FOREIGN = ("HETRI_", "PG", "DATABASE_URL", "REDIS_URL", "DJANGO_")
WEB_INSTANCES, WEB_INSTANCES_MOST = 2, 4  # two: one goes on answering while the other is started anew
LOOPBACK = "localhost,127.0.0.1,::1"


def read_env_file(path: Path) -> dict[str, str]:
    """NAME=value lines; comments and empty values are left out, quotes around a value are taken off."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#") and "=" in line)
    return {name.strip(): plain for name, value in pairs if (plain := value.strip().strip("\"'"))}


def inherited() -> dict[str, str]:
    """What the shell hands on, without other installations' settings, and with .venv and the servers in PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    path = f"{VENV / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin:{os.environ.get('PATH', '')}"
    fixed = {"PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    return {**kept, **fixed, "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}


def secrets_of(var: Path, names: Iterable[str] = SECRETS) -> dict[str, str]:
    """The instance's secrets, made once, in secrets.env (mode 0600)."""
    path = var / "secrets.env"
    known = read_env_file(path)
    missing = [name for name in names if name not in known]
    if missing:
        known |= {name: secrets.token_urlsafe(48) for name in missing}
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={value}\n" for name, value in known.items()))
    return known


def configured_ports(var: Path) -> dict[str, str]:
    """The public ports as .env or the environment (it wins) say, and free ones for the internal listeners.

    Those are kept in ports.env: Mosquitto finds the rights of a stored session by its listener's port, and would
    keep nothing for the ingest process until it connects.
    """
    configured = {**read_env_file(ROOT / ".env"), **os.environ}
    chosen = {name: _port(name, configured.get(name) or str(default)) for name, default in PUBLIC_PORTS.items()}
    known = read_env_file(var / "ports.env")
    internal = {name: str(ports.reserve(int(known.get(name, "0")))) for name in INTERNAL_PORTS}
    (var / "ports.env").write_text("".join(f"{name}={port}\n" for name, port in internal.items()))
    return {**chosen, **internal}


def web_instances() -> int:
    """How many web processes there are. Raises Refusal."""
    value = {**read_env_file(ROOT / ".env"), **os.environ}.get("HETRI_WEB_INSTANCES") or str(WEB_INSTANCES)
    if value not in map(str, range(1, WEB_INSTANCES_MOST + 1)):
        raise Refusal(f"HETRI_WEB_INSTANCES is {value!r}, but it is a number from 1 to {WEB_INSTANCES_MOST}.")
    return int(value)


def free_ports() -> dict[str, str]:
    """Free ports for all of them."""
    return {name: str(ports.reserve()) for name in (*PUBLIC_PORTS, *INTERNAL_PORTS)}


def _port(name: str, value: str) -> str:
    if not value.isdecimal() or not 0 < int(value) < 65_536:
        raise Refusal(f"{name} is {value!r}, but a port is a number from 1 to 65535.")
    return value


def settings_of(var: Path, run: Path, *, test: bool) -> dict[str, str]:
    """What settings.py reads. Where things lie is fixed; the rest may be said otherwise in .env."""
    changeable = {"HETRI_MQTT_PUBLIC_HOST": "localhost", "HETRI_MAIL_DIR": str(var / "mail")}
    changeable["HETRI_BACKUP_DIR"] = str(var / "backups")
    said = {"HETRI_TESTING": "1"} if test else read_env_file(ROOT / ".env")
    fixed = {
        "DATABASE_URL": f"postgres://hetri@/hetri?host={run / 'pg'}",
        # Replication and restores are the superuser's, who comes in by the same folder that only we may enter.
        "HETRI_BACKUP_URL": f"postgres://postgres@/postgres?host={run / 'pg'}",
        "HETRI_CLUSTER_DIR": str(var / "postgres"),
        "REDIS_URL": f"unix://{run / 'redis.sock'}?db=0",
        "HETRI_VAR": str(var),
        "HETRI_RELAY_LISTEN": str(run / "relay.sock"),
        "HETRI_MQTT_HOST": "127.0.0.1",
        "HETRI_MQTT_USER": "hetri",
        "HETRI_MQTT_PASSWORD_FILE": str(var / "mosquitto" / "collars.passwd"),
        "HETRI_TLS_CA": str(var / "tls" / "ca.pem"),
        "HETRI_METRICS_LISTEN": "127.0.0.1:0",
        "HETRI_STATIC_ROOT": str(var / "static"),
    }
    return {**changeable, **secrets_of(var), **said, **fixed}


def password_line(name: str, password: str) -> str:
    """A line of Mosquitto's password file (`$7$`: PBKDF2-HMAC-SHA512, 12 bytes of salt)."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{name}:$7$101${b64encode(salt).decode()}${b64encode(digest).decode()}\n"
