"""The command line of ./dev."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable

from devkit import bootstrap, check
from devkit.bootstrap import ROOT, python
from devkit.errors import Refusal
from devkit.instance import Instance
from devkit.logs import follow
from devkit.parts import ALL, SERVICES

STATUS_NAMES = ("postgres", "redis", "mosquitto", "nginx", "web", "ingest", "worker", "beat", "collar")


BENCHMARKS = {
    SERVICES: ("ingest", "ingest_cpu", "history"),
    (*SERVICES, "nginx", "web", "ingest"): ("treat", "push"),
}


def demo_instance() -> Instance:
    """The demo of this checkout."""
    return Instance(ROOT / "var")


def demo(options: argparse.Namespace) -> int:
    """Start everything; without --detach show the logs and stop all at Ctrl-C."""
    bootstrap.ensure()
    instance = demo_instance()
    if instance.state:
        print("The demo runs already.")
        _addresses(instance)
        return 0
    if options.fresh and instance.var.exists():
        shutil.rmtree(instance.var)
    instance.prepare()
    print("Starting ...", flush=True)
    instance.start(ALL, steps=True, seconds=120)
    _addresses(instance)
    return 0 if options.detach else _watch(instance)


def _watch(instance: Instance) -> int:
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        follow(instance.var / "log")
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
        instance.stop()
    return 0


def _addresses(instance: Instance) -> None:
    import json

    known = json.loads((instance.var / "demo.json").read_text())
    print(f"\n  {known['url']}   (CA: {known['ca']})")
    for who in ("owner", "staff"):
        print(f"  {who}: {known[who]['email']}  password: {known[who]['password']}")
    print(f"  MQTT over TLS: {known['mqtt']['host']}:{known['mqtt']['port']}   collar: {known['device']}")
    print("  ./dev status, ./dev stop\n", flush=True)


def stop(options: argparse.Namespace) -> int:
    """Stop what demo started."""
    instance = demo_instance()
    if not instance.state:
        print("Nothing of ours runs.")
        return 0
    instance.stop()
    print("Stopped. The data stays.")
    return 0


def status(options: argparse.Namespace) -> int:
    """A line for each part; 0 when all are well."""
    instance = demo_instance()
    state = instance.state
    if not state:
        print("Nothing runs here. Start it with ./dev demo")
        return 1
    instance.join()
    well = True
    for name in STATUS_NAMES:
        healthy = instance.healthy(name)
        well = well and healthy
        print(f"{name} {instance.pid(name) or '-'} {'healthy' if healthy else 'unhealthy'}")
    return 0 if well else 1


def manage(options: argparse.Namespace) -> int:
    """manage.py in the demo's environment."""
    bootstrap.ensure()
    instance = demo_instance()
    instance.join()
    return subprocess.run(
        [python(), "manage.py", *options.arguments], cwd=ROOT, env=instance.env, check=False
    ).returncode


def with_services(run: Callable[[dict[str, str]], int], names: tuple[str, ...] = SERVICES, steps: bool = False) -> int:
    """Run something beside services of its own, on free ports, in its own folder."""
    bootstrap.ensure()
    instance = Instance(ROOT / "var" / "test" / str(os.getpid()), test=True)
    instance.prepare()
    try:
        instance.start(names, steps=steps)
        return run(instance.env)
    finally:
        instance.stop()
        shutil.rmtree(instance.var, ignore_errors=True)
        shutil.rmtree(instance.run, ignore_errors=True)


def test(options: argparse.Namespace) -> int:
    """Every test, beside services of its own."""
    command = [python(), "-m", "pytest", *options.arguments]
    return with_services(lambda env: subprocess.run(command, cwd=ROOT, env=env, check=False).returncode)


def bench(options: argparse.Namespace) -> int:
    """The benchmarks, each beside its floor."""
    wanted = options.arguments or [name for names in BENCHMARKS.values() for name in names]
    code = 0
    # What is not measured does not run beside it: the machine has few cores.
    for beside, names in BENCHMARKS.items():
        chosen = [name for name in wanted if name in names]
        command = [python(), "-m", "benchmarks", *chosen]
        if chosen:
            code |= with_services(
                lambda env: subprocess.run(command, cwd=ROOT, env=env, check=False).returncode,  # noqa: B023
                beside,
                steps=True,
            )
    unknown = [name for name in wanted if not any(name in names for names in BENCHMARKS.values())]
    if unknown:
        raise Refusal(f"No such benchmark: {', '.join(unknown)}.")
    return code


def run_checks(options: argparse.Namespace) -> int:
    """Format, lint, types, import rules, migrations, deploy checks, templates."""
    bootstrap.ensure()
    return check.run_all()


def parser() -> argparse.ArgumentParser:
    """The options of ./dev."""
    root = argparse.ArgumentParser(prog="./dev", description="Hetri for developers.")
    commands = root.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, act: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=(act.__doc__ or "").splitlines()[0])
        command.set_defaults(act=act)
        return command

    started = add("demo", demo)
    started.add_argument("--detach", action="store_true", help="return once all is healthy")
    started.add_argument("--fresh", action="store_true", help="start from empty data")
    for name, act in (("stop", stop), ("status", status), ("check", run_checks)):
        add(name, act)
    for name, act in (("manage", manage), ("test", test), ("bench", bench)):
        add(name, act).add_argument("arguments", nargs=argparse.REMAINDER)
    return root


def main(arguments: list[str]) -> int:
    """Run one command; a refusal is one line on stderr."""
    # REMAINDER does not take options in first place: hand the rest over as it is.
    passed = (
        [arguments[0], "--", *arguments[1:]]
        if arguments[:1] and arguments[0] in ("manage", "test", "bench")
        else arguments
    )
    options = parser().parse_args(passed)
    if getattr(options, "arguments", None) and options.arguments[0] == "--":
        options.arguments = options.arguments[1:]
    try:
        return int(options.act(options))
    except Refusal as refused:
        print(f"dev: {refused}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
