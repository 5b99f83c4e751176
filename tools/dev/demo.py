"""The demo: the one instance in var/, on the ports of .env."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from ops.errors import Refusal
from ops.instance import Instance
from ops.logs import follow
from ops.parts import ALL, BACKUP, WEBS
from ops.paths import ROOT
from ops.rolling import restart_parts

# What status shows: the reload watcher is part of mosquitto's health, the gate of rtmp's, and `web` stands for all its
# instances.
STATUS_NAMES = tuple(name for name in ALL if name not in ("watcher", "gate"))
START_S = 120


def run(*, detach: bool, fresh: bool) -> int:
    """Start everything; without `detach` show the logs, and stop all at the end. Raises Refusal."""
    instance = Instance(ROOT / "var")
    if instance.state:
        if fresh:
            raise Refusal("The demo runs, so its data is in use. First: ./dev stop")
        print("The demo runs already.")
        _print_addresses(instance)
        return 0
    if fresh:
        instance.clear()
    instance.prepare()
    print("Starting ...", flush=True)
    try:
        instance.start((*ALL, BACKUP) if _is_backed_up(instance) else ALL, steps=True, seconds=START_S)
        _print_addresses(instance)
        return 0 if detach else _watch(instance)
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
        instance.stop()
        return 0


def _is_backed_up(instance: Instance) -> bool:
    """Whether .env asks for backups."""
    return instance.env.get("HETRI_BACKUP_EVERY_H", "0") != "0"


def _watch(instance: Instance) -> int:
    follow(instance.var / "log", lambda: bool(instance.state))
    print("The demo was stopped.")
    return 0


def _print_addresses(instance: Instance) -> None:
    try:
        known = json.loads((instance.var / "demo.json").read_text())
    except FileNotFoundError:
        print("It is still starting; see ./dev status")
        return
    print(f"\n  {known['url']}   (its CA: {known['ca']})")
    for who in ("owner", "staff", "admin"):
        print(f"  {who}: {known[who]['email']}  password: {known[who]['password']}")
    print(f"  MQTT over TLS: {known['mqtt']['host']}:{known['mqtt']['port']}   collar: {known['device']}")
    print("  ./dev status, ./dev stop\n", flush=True)


def stop() -> int:
    """Stop the demo. What a killed supervisor left goes, too."""
    instance = Instance(ROOT / "var")
    ran = bool(instance.state)
    instance.stop()
    print("Stopped. The data stays." if ran else "Nothing of ours runs.")
    return 0


def status() -> int:
    """Print a line for each part; 0 when all are well."""
    instance = Instance(ROOT / "var")
    if not instance.state:
        print("Nothing runs here. Start it with ./dev demo")
        return 1
    instance.join()
    pids = instance.pids()
    names = (*STATUS_NAMES, BACKUP) if BACKUP in pids else STATUS_NAMES
    asked = (*names, *(name for name in WEBS[1:] if name in pids))
    with ThreadPoolExecutor(len(asked)) as pool:
        well = dict(zip(asked, pool.map(instance.healthy, asked), strict=True))
    well["web"] = all(well[name] for name in WEBS if name in well)
    for name in names:
        print(f"{name} {pids.get(name) or '-'} {'healthy' if well[name] else 'unhealthy'}")
    return 0 if all(well.values()) else 1


def restart(names: list[str]) -> int:
    """Start the application's processes anew, one after the other, while it goes on answering. Raises Refusal."""
    instance = Instance(ROOT / "var")
    if not instance.state:
        raise Refusal("Nothing runs here. Start it with ./dev demo")
    instance.join()
    restart_parts(instance, names, say=print)
    return 0


def stopped_environment() -> dict[str, str]:
    """The demo's environment, for a command that needs it stopped. Raises Refusal."""
    instance = Instance(ROOT / "var")
    if instance.state:
        raise Refusal("The demo runs. First: ./dev stop")
    instance.join()
    return instance.env


def environment() -> dict[str, str]:
    """The demo's environment, for a command beside it."""
    instance = Instance(ROOT / "var")
    if not instance.state:
        print("The demo does not run: what needs the database or the broker will fail.", file=sys.stderr)
    instance.join()
    return {**instance.env, "HOME": os.environ.get("HOME", "/")}
