"""What the containers' first service does: secrets, a certificate and the configuration files, into the volumes.

`python -m ops.containers` inside the app's image. It uses the same templates as ./dev, and may run again at any
time: secrets stay, files are written anew from .env.
"""

import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from ops import environment, health, hosts, proxies, tls, upstreams
from ops.environment import password_line, secrets_of
from ops.errors import Refusal
from ops.media_server import NGINX_MODULES, MediaServer, nginx_user
from ops.paths import ROOT
from ops.render import render, render_file, write_private

HTTPS, HTTP, MQTT, MQTTS = 8443, 8080, 1883, 8883  # inside the containers
METRICS = 9200
RTMPS, RTMP, RTMP_HTTP = 1936, 1935, 8935
SOCKETS = "/var/lib/hetri/sockets"
WEBS = {name: f"unix:{SOCKETS}/{name}.sock" for name in ("web", "web2")}
RELAY = f"{SOCKETS}/relay.sock"  # no name: nginx would look that up once
CONTAINER_SECRETS = ("HETRI_DATABASE_PASSWORD", "HETRI_REDIS_PASSWORD", "HETRI_BACKUP_PASSWORD")
# Of the host, or of this container only; compose mounts the folders in their usual places.
OUTSIDE = ("HETRI_BACKUP_DIR", "HETRI_FILES", "HETRI_VAR")
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
# The roots under which it signs, as Debian's ca-certificates has them.
LETS_ENCRYPT_ROOTS = ",".join(f"/usr/share/ca-certificates/mozilla/ISRG_Root_X{number}.crt" for number in (1, 2))


PROMETHEUS = {
    "rules": "/opt/hetri/prometheus/rules.yml",
    "every": "15s",
    # A service's name may have many addresses, one for each of its containers.
    "discovery": "dns_sd_configs: [{names: [web, ingest, worker, beat, relay], "
    f"type: A, port: {METRICS}, refresh_interval: 15s}}]",
}


def prepare(var: Path, said: dict[str, str]) -> None:
    """Fill the volumes under `var`; `said` is what .env says, without empty values. Raises Refusal."""
    _require_backup_url(said)
    settings = var / "settings"
    known = secrets_of(settings, (*environment.SECRETS, *CONTAINER_SECRETS))
    _certificate(var, said)
    _password(var / "database" / "password", known["HETRI_DATABASE_PASSWORD"])
    _password(var / "database" / "backup-password", known["HETRI_BACKUP_PASSWORD"])
    _password(var / "queue" / "password", known["HETRI_REDIS_PASSWORD"])
    env = {**_fixed(var, known), **known, **said}
    write_private(settings / "app.env", "".join(f"{name}={_quoted(value)}\n" for name, value in env.items()))
    _broker(var, env)
    nginx_files(var, env)
    _prometheus(var)


def _fixed(var: Path, known: dict[str, str]) -> dict[str, str]:
    database = f"postgres://hetri:{known['HETRI_DATABASE_PASSWORD']}@postgres:5432/hetri"
    return {
        "DATABASE_URL": database,
        "REDIS_URL": f"redis://:{known['HETRI_REDIS_PASSWORD']}@redis:6379/0",
        "HETRI_BACKUP_URL": f"postgres://hetri_backup:{known['HETRI_BACKUP_PASSWORD']}@postgres:5432/postgres",
        "HETRI_BACKUP_EVERY_H": "24",
        "HETRI_RELAY_LISTEN": RELAY,
        "HETRI_MQTT_HOST": "mosquitto",
        "HETRI_MQTT_PORT": str(MQTT),
        "HETRI_MQTT_PROBE_HOST": "mosquitto",
        "HETRI_MQTT_PROBE_PORT": str(MQTTS),
        "HETRI_RTMP_HOST": "rtmp",
        "HETRI_RTMP_PORT": str(RTMP),
        "HETRI_RTMP_HTTP_PORT": str(RTMP_HTTP),
        "HETRI_TLS_CA": str(var / "settings" / "roots.pem"),
        "HETRI_LOG_FORMAT": "json",
        "HETRI_METRICS_LISTEN": f"0.0.0.0:{METRICS}",
        "HETRI_TLS_DOORS": f"https=nginx:{HTTPS},mqtts=mosquitto:{MQTTS},rtmps=rtmp:{RTMPS}",
    }


def _require_backup_url(said: dict[str, str]) -> None:
    """What is backed up is the database that is used, not the empty one here. Raises Refusal."""
    if "DATABASE_URL" in said and "HETRI_BACKUP_URL" not in said and said.get("HETRI_BACKUP_EVERY_H") != "0":
        text = "Set HETRI_BACKUP_URL to who may replicate there, or HETRI_BACKUP_EVERY_H=0 if others make backups."
        raise Refusal(f"DATABASE_URL is elsewhere. {text}")


def _certificate(var: Path, said: dict[str, str]) -> None:
    """Our own certificate is served until Certbot has one; collars pin both authorities from the start."""
    hosts, served = _hosts(said), var / "certificate" / "server.pem"
    tls.ensure(var / "tls", *hosts)
    roots = said.get("HETRI_ACME_ROOTS", LETS_ENCRYPT_ROOTS)
    others = [Path(path).read_text() for path in roots.split(",") if path != "none"]
    (var / "settings" / "roots.pem").write_text("".join([(var / "tls" / "ca.pem").read_text(), *others]))
    asked = _ask_certbot(var, hosts, said)
    if not (asked and tls.is_good(served, *hosts, seconds=0)):
        fresh = served.with_name("own.new")
        shutil.copy(var / "tls" / "server.pem", fresh)
        fresh.replace(served)


def _hosts(said: dict[str, str]) -> list[str]:
    """The names that people and collars are told, each once."""
    url = urlsplit(said.get("HETRI_URL", "https://localhost")).hostname or "localhost"
    mqtt = said.get("HETRI_MQTT_PUBLIC_HOST", url)
    allowed = [name.strip() for name in said.get("HETRI_ALLOWED_HOSTS", "").split(",")]
    others = [name for name in allowed if "." in name and not name.startswith((".", "*"))]
    return list(dict.fromkeys([url, mqtt, said.get("HETRI_RTMP_PUBLIC_HOST", mqtt), *others]))


def _ask_certbot(var: Path, hosts: list[str], said: dict[str, str]) -> bool:
    """Leave Certbot's configuration where HETRI_ACME_EMAIL wants a public certificate. Raises Refusal."""
    acme, email = var / "acme", said.get("HETRI_ACME_EMAIL")
    if not email:
        (acme / "cli.ini").unlink(missing_ok=True)
        return False
    if local := [host for host in hosts if "." not in host]:
        raise Refusal(f"HETRI_ACME_EMAIL is set, but nobody certifies {local[0]}. Set HETRI_URL to your public name.")
    names = {"acme": str(acme), "webroot": str(var / "webroot"), "email": email, "names": ",".join(hosts)}
    names["directory"] = said.get("HETRI_ACME_DIRECTORY", LETS_ENCRYPT)
    render_file(ROOT / "deploy" / "certbot" / "cli.ini", acme / "cli.ini", names)
    return True


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _password(path: Path, password: str) -> None:
    """One password for one service that knows nothing else of ours; its user differs, so its volume is its own."""
    path.parent.mkdir(exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.write_text(password)
    fresh.chmod(0o444)
    fresh.replace(path)


def _served(var: Path) -> Path:
    return var / "certificate" / "server.pem"


def _broker(var: Path, env: dict[str, str]) -> None:
    broker, source = var / "mosquitto", ROOT / "deploy" / "mosquitto"
    names = {"var": str(var), "mosquitto_user": "", "internal": "0.0.0.0", "public": "0.0.0.0"}
    names |= {"hetri_mqtt_port": str(MQTT), "hetri_mqtts_port": str(MQTTS), "certificate": str(_served(var))}
    names["collar_rights"] = "/opt/hetri/collar_rights.so"  # of the broker's image
    public = render(source / "public.conf", names)
    render_file(source / "mosquitto.conf", broker / "mosquitto.conf", {**names, "public_listeners": public})
    for name in ("collars.acl", "server.acl"):
        shutil.copy(source / name, broker / name)
    write_private(broker / "server.passwd", password_line("hetri", env["HETRI_MQTT_PASSWORD"]))
    (broker / "collars.passwd").touch(mode=0o640)


def nginx_files(var: Path, env: dict[str, str]) -> list[Path]:
    """Write both configurations of nginx below `var`; where they are."""
    return [_web(var, env), _media_server(var, env).write(var)]


def _web(var: Path, env: dict[str, str]) -> Path:
    names = {"var": str(var), "pages": str(ROOT / "nginx"), "nginx_user": nginx_user()}
    names |= {"web_groups": upstreams.groups(WEBS), "web_choice": upstreams.choice(WEBS, str(var / "nginx" / "out"))}
    (var / "nginx" / "out").mkdir(parents=True, exist_ok=True)
    names |= {"modules": NGINX_MODULES, "relay": f"unix:{RELAY}", "hls": str(var / "hls"), "video": str(var / "video")}
    names["hetri_video_key"] = env["HETRI_VIDEO_KEY"]
    names |= {"certificate": str(_served(var)), "webroot": str(var / "webroot")}
    names["hetri_url"] = env.get("HETRI_URL", "https://localhost")
    names |= {"known_hosts": hosts.known(env, HTTPS), "trusted_proxies": proxies.trusted(env)}
    names |= {"http_listen": f"listen {HTTP};", "https_listen": f"listen {HTTPS} reuseport;", "front": "/tmp"}
    names |= {"health_address": health.ADDRESS, **upstreams.per_address(env)}
    names |= {"access_log": "/dev/stdout", "log_format": env["HETRI_LOG_FORMAT"]}
    return write_private(var / "nginx" / "web.conf", render(ROOT / "nginx" / "web.conf", names))


def _media_server(var: Path, env: dict[str, str]) -> MediaServer:
    return MediaServer(
        rtmps_listen=f"listen {RTMPS} ssl;",
        sockets=var / "rtmp",
        rtmp_port=RTMP,
        http_port=RTMP_HTTP,
        certificate=_served(var),
        hooks=WEBS,
        secret=env["HETRI_HOOK_SECRET"],
        internal="0.0.0.0",
    )


def _prometheus(var: Path) -> None:
    render_file(ROOT / "deploy" / "prometheus" / "prometheus.yml", var / "prometheus" / "prometheus.yml", PROMETHEUS)


def main() -> None:
    """Prepare, and say in one line what is wrong."""
    var = Path(os.environ["HETRI_VAR"])
    said = {
        name: value for name, value in os.environ.items() if name.startswith("HETRI_") and value and name not in OUTSIDE
    }
    said |= {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name)}
    try:
        prepare(var, said)
    except (Refusal, OSError) as error:
        sys.exit(f"prepare: {error}")
    print("prepare: settings, certificate and configuration files are in place", flush=True)


if __name__ == "__main__":
    main()
