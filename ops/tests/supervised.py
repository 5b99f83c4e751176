"""A supervisor of shell commands: `python -m ops.tests.supervised PLAN COMMANDS`, both JSON."""

import json
import sys

from ops import alive, health
from ops.parts import Part
from ops.supervisor import Supervisor


def main() -> None:
    """Each command is a part that is always healthy; where it touches a file of its name, that tells that it moves."""
    commands: dict[str, str] = json.loads(sys.argv[2])
    parts = {
        name: Part(
            lambda var, run, env, line=line: ["sh", "-c", line.replace("@var@", str(var))],
            lambda instance: True,
            alive=alive.touches_file(name) if f"touch @var@/{name}" in line else health.process_lives,
        )
        for name, line in commands.items()
    }
    Supervisor(json.loads(sys.argv[1]), parts).main()


if __name__ == "__main__":
    main()
