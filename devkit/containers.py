"""What the containers' first service does: secrets, a certificate and the configuration files, into the volumes.

`python -m devkit.containers` inside the app's image. It uses the same templates as ./dev, and may run again at any
time: secrets stay, files are written anew from .env.
"""

import os
import shutil
import sys
from pathlib import Path

from devkit import environment, tls
from devkit.bootstrap import ROOT
from devkit.environment import password_line, secrets_of
from devkit.errors import Refusal
from devkit.instance import NGINX_MODULES, SYSTEM_PYTHON
from devkit.render import render, render_file

HTTPS, HTTP, MQTT, MQTTS, RELAY = 8443, 8080, 1883, 8883, 8001  # inside the containers
METRICS = 9200
RTMPS, RTMP_IN, RTMP, RTMP_HTTP = 1936, 1934, 1935, 8935
CONTAINER_SECRETS = ("HETRI_DATABASE_PASSWORD", "HETRI_REDIS_PASSWORD")

PROMETHEUS = {
    "rules": "/opt/hetri/prometheus/rules.yml",
    "every": "15s",
    # A service's name may have many addresses, one for each of its containers.
    "discovery": "dns_sd_configs: [{names: [web, ingest, worker, beat, relay], "
    f"type: A, port: {METRICS}, refresh_interval: 15s}}]",
}


def prepare(var: Path, said: dict[str, str]) -> None:
    """Fill the volumes under `var`; `said` is what .env says, without empty values. Raises Refusal."""
    settings = var / "settings"
    known = secrets_of(settings, (*environment.SECRETS, *CONTAINER_SECRETS))
    tls.ensure(var / "tls", said.get("HETRI_MQTT_PUBLIC_HOST", "localhost"))
    shutil.copy(var / "tls" / "ca.pem", settings / "ca.pem")
    _password(var / "database", known["HETRI_DATABASE_PASSWORD"])
    _password(var / "queue", known["HETRI_REDIS_PASSWORD"])
    env = {**_fixed(var, known), **known, **said}
    _write_private(settings / "app.env", "".join(f"{name}={_quoted(value)}\n" for name, value in env.items()))
    _broker(var, env)
    _web(var, env)
    _media_server(var, env)
    _prometheus(var)


def _fixed(var: Path, known: dict[str, str]) -> dict[str, str]:
    database = f"postgres://hetri:{known['HETRI_DATABASE_PASSWORD']}@postgres:5432/hetri"
    return {
        "DATABASE_URL": database,
        "REDIS_URL": f"redis://:{known['HETRI_REDIS_PASSWORD']}@redis:6379/0",
        "HETRI_RELAY_LISTEN": f"0.0.0.0:{RELAY}",
        "HETRI_MQTT_HOST": "mosquitto",
        "HETRI_MQTT_PORT": str(MQTT),
        "HETRI_MQTT_PROBE_HOST": "mosquitto",
        "HETRI_MQTT_PROBE_PORT": str(MQTTS),
        "HETRI_RTMP_HOST": "rtmp",
        "HETRI_RTMP_PORT": str(RTMP),
        "HETRI_RTMP_HTTP_PORT": str(RTMP_HTTP),
        "HETRI_TLS_CA": str(var / "settings" / "ca.pem"),
        "HETRI_LOG_FORMAT": "json",
        "HETRI_METRICS_LISTEN": f"0.0.0.0:{METRICS}",
        "HETRI_TLS_DOORS": f"https=nginx:{HTTPS},mqtts=mosquitto:{MQTTS},rtmps=rtmp:{RTMPS}",
    }


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _password(folder: Path, password: str) -> None:
    """One password for one service that knows nothing else of ours; its user differs, so its volume is its own."""
    folder.mkdir(exist_ok=True)
    fresh = folder / "password.new"
    fresh.unlink(missing_ok=True)
    fresh.write_text(password)
    fresh.chmod(0o444)
    fresh.replace(folder / "password")


def _broker(var: Path, env: dict[str, str]) -> None:
    broker, source = var / "mosquitto", ROOT / "deploy" / "mosquitto"
    names = {"var": str(var), "mosquitto_user": "", "internal": "0.0.0.0", "public": "0.0.0.0"}
    names |= {"hetri_mqtt_port": str(MQTT), "hetri_mqtts_port": str(MQTTS)}
    public = render(source / "public.conf", names)
    render_file(source / "mosquitto.conf", broker / "mosquitto.conf", {**names, "public_listeners": public})
    for name in ("collars.acl", "server.acl"):
        shutil.copy(source / name, broker / name)
    _write_private(broker / "server.passwd", password_line("hetri", env["HETRI_MQTT_PASSWORD"]))
    (broker / "collars.passwd").touch(mode=0o640)


def _web(var: Path, env: dict[str, str]) -> None:
    names = {"var": str(var), "pages": str(ROOT / "nginx"), "nginx_user": "", "upstream": "web:8000"}
    names |= {"modules": NGINX_MODULES, "relay": f"relay:{RELAY}", "hls": str(var / "hls"), "video": str(var / "video")}
    names["hetri_video_key"] = env["HETRI_VIDEO_KEY"]
    names |= {"https_listen": f"listen {HTTPS} ssl http2;", "access_log": "/dev/stdout"}
    names["log_format"] = env["HETRI_LOG_FORMAT"]
    _write_private(var / "nginx" / "web.conf", render(ROOT / "nginx" / "web.conf", names))


def _media_server(var: Path, env: dict[str, str]) -> None:
    names = {"var": str(var), "pages": str(ROOT / "nginx"), "nginx_user": "", "modules": NGINX_MODULES}
    names |= {"rtmps_listen": f"listen {RTMPS} ssl;", "internal": "0.0.0.0", "hls": str(var / "hls")}
    names |= {"hetri_rtmp_in_port": str(RTMP_IN), "hetri_rtmp_port": str(RTMP)}
    names |= {"hetri_rtmp_http_port": str(RTMP_HTTP), "system_python": SYSTEM_PYTHON}
    names |= {"hook_upstream": "web:8000", "hook_host": "localhost", "hetri_hook_secret": env["HETRI_HOOK_SECRET"]}
    _write_private(var / "rtmp" / "rtmp.conf", render(ROOT / "nginx" / "rtmp.conf", names))


def _prometheus(var: Path) -> None:
    render_file(ROOT / "deploy" / "prometheus" / "prometheus.yml", var / "prometheus" / "prometheus.yml", PROMETHEUS)


def main() -> None:
    """Prepare, and say in one line what is wrong."""
    var = Path(os.environ["HETRI_VAR"])
    said = {name: value for name, value in os.environ.items() if name.startswith("HETRI_") and value}
    said |= {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name)}
    try:
        prepare(var, said)
    except (Refusal, OSError) as error:
        sys.exit(f"prepare: {error}")
    print("prepare: settings, certificate and configuration files are in place", flush=True)


if __name__ == "__main__":
    main()
