"""The command line of ./dev."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable

from ops import environment
from ops.errors import Refusal
from ops.parts import ALL
from ops.paths import ROOT, python
from ops.rolling import ORDER
from tools.dev import bootstrap, check, demo, figures, lanes
from tools.dev.beside import BENCHMARKS, run_beside, with_lanes, with_services

PASSED_ON = (
    "manage",
    "test",
    "bench",
    "soak",
    "shots",
    "backup",
    "restore",
)  # the rest of their command line belongs to the program they run

OF_THE_REPORT = ("--color", "--cov", "--durations", "-q", "-r", "-v")  # options of pytest that choose no tests


def run_demo(options: argparse.Namespace) -> int:
    """Start everything, print addresses and logins, show the logs; Ctrl-C stops it."""
    bootstrap.ensure()
    return demo.run(detach=options.detach, fresh=options.fresh)


def stop(options: argparse.Namespace) -> int:
    """Stop what demo started; the data stays."""
    return demo.stop()


def status(options: argparse.Namespace) -> int:
    """A line for each part, `name pid health`; exit 0 when all are well."""
    return demo.status()


def restart(options: argparse.Namespace) -> int:
    """Start the application's processes anew, one after the other, while it goes on answering."""
    return demo.restart(options.names)


def manage(options: argparse.Namespace) -> int:
    """manage.py inside the demo's environment."""
    bootstrap.ensure()
    env = demo.environment()
    os.chdir(ROOT)
    os.execve(python(), [python(), "manage.py", *options.arguments], env)


def backup(options: argparse.Namespace) -> int:
    """A base backup now; `backup list` shows what there is."""
    bootstrap.ensure()
    env = demo.environment()
    os.chdir(ROOT)
    os.execve(python(), [python(), "-m", "ops.backup", *(options.arguments or ["now"])], env)


def restore(options: argparse.Namespace) -> int:
    """The database and the broker's store from a backup: restore [DIR] [--to TIME]; the demo must be stopped."""
    bootstrap.ensure()
    env = demo.stopped_environment()
    os.chdir(ROOT)
    os.execve(python(), [python(), "-m", "ops.backup", "restore", *options.arguments], env)


def test(options: argparse.Namespace) -> int:
    """Every test, beside services of its own: may run while a demo runs, and twice at once."""
    bootstrap.ensure()
    command = [python(), "-m", "pytest", *options.arguments]
    # Who asks for some tests wants them one after the other, and a debugger.
    some = [argument for argument in options.arguments if not argument.startswith(OF_THE_REPORT)]
    if some or (wide := lanes.count()) == 1:
        return with_services(lambda env: run_beside(command, env), quick=True)
    command += ["-n", str(wide), "--dist", "loadscope"]
    return with_lanes(lambda envs: run_beside(command, lanes.handed_over(envs)), wide, quick=True)


def bench(options: argparse.Namespace) -> int:
    """The benchmarks, each beside its floor."""
    wanted = options.arguments or [name for names in BENCHMARKS.values() for name in names]
    if unknown := [name for name in wanted if not any(name in names for names in BENCHMARKS.values())]:
        raise Refusal(f"No such benchmark: {', '.join(unknown)}.")
    bootstrap.ensure()
    codes = [_bench_group(parts, [name for name in wanted if name in names]) for parts, names in BENCHMARKS.items()]
    return max(codes)


def _bench_group(parts: tuple[str, ...], chosen: list[str]) -> int:
    if not chosen:
        return 0
    command = [python(), "-m", "tools.benchmarks", *chosen]
    return with_services(lambda env: run_beside(command, env), parts, steps=True)


def shots(options: argparse.Namespace) -> int:
    """Pictures of every page and state in var/shots, to be looked at."""
    bootstrap.ensure()
    command = [python(), "-m", "tools.screenshots", *options.arguments]
    return with_services(lambda env: run_beside(command, env), ALL, steps=True)


def soak(options: argparse.Namespace) -> int:
    """The long ones, by hand: what they are is in docs/soak.md."""
    bootstrap.ensure()
    return run_beside([python(), "-m", "tools.soak", *options.arguments], environment.inherited())


def run_checks(options: argparse.Namespace) -> int:
    """Format, lint, types, import rules, migrations, deploy checks, API schema, templates."""
    bootstrap.ensure()
    if options.figures:
        return figures.run()
    return check.run_all()


def parser() -> argparse.ArgumentParser:
    """The options of ./dev."""
    root = argparse.ArgumentParser(prog="./dev", description="Hetri for developers.")
    commands = root.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, act: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=act.__doc__, description=act.__doc__)
        command.set_defaults(act=act)
        return command

    started = add("demo", run_demo)
    started.add_argument("--detach", action="store_true", help="return once every part is healthy")
    started.add_argument("--fresh", action="store_true", help="start from empty data")
    parts = add("restart", restart)
    parts.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(ORDER)}")
    for name, act in (("stop", stop), ("status", status)):
        add(name, act)
    add("check", run_checks).add_argument("--figures", action="store_true", help="how the code is built, in numbers")
    passed_on = (manage, test, bench, soak, shots, backup, restore)
    for name, act in zip(PASSED_ON, passed_on, strict=True):
        add(name, act).add_argument("arguments", nargs="*", metavar="...")
    return root


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; what belongs to another program is handed over as it is, options too."""
    if arguments[:1] and arguments[0] in PASSED_ON:
        options = parser().parse_args(arguments[:1])
        options.arguments = arguments[1:]
        return options
    return parser().parse_args(arguments)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    """Run one command; what a person can mend is one line on stderr."""
    # A closed terminal or a polite kill ends us like Ctrl-C: what was begun is tidied up.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    options = parse(arguments)
    try:
        return int(options.act(options))
    except Refusal as refused:
        print(f"dev: {refused}", file=sys.stderr)
    except KeyboardInterrupt:
        print("dev: interrupted.", file=sys.stderr)
        return 130
    except subprocess.CalledProcessError as error:
        words = (error.stderr or b"").decode(errors="replace") if isinstance(error.stderr, bytes) else error.stderr
        print(f"dev: {error} {words or ''}".rstrip(), file=sys.stderr)
    except OSError as error:
        print(f"dev: {error.strerror}: {error.filename}" if error.filename else f"dev: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
