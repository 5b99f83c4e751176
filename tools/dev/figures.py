"""How the code is built, in figures: `./dev check --figures`. Read from the source alone; nothing is imported.

A room is a top-level package. Product lines are those of *.py outside tests, migrations and the collar's program.
"""

import ast
import re
import statistics
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ops.paths import ROOT

FILE_MOST, FUNCTION_MOST = 400, 40
TESTED_ROOMS = ("accounts", "devices", "treats")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Source:
    """One file: where it lies, its syntax tree, its lines."""

    path: Path
    tree: ast.Module
    lines: int

    @property
    def module(self) -> str:
        """Its dotted name."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        """The first folder of its path; the rooms of tools by two."""
        parts = self.path.parts
        return "/".join(parts[:2]) if parts[0] == "tools" and len(parts) > 2 else parts[0]

    @property
    def is_test(self) -> bool:
        """Whether tests are in it."""
        return "tests" in self.path.parts or self.path.name == "conftest.py"

    def functions(self) -> Iterator[_Function]:
        """All functions, methods too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, _Function))


@dataclass
class Graph:
    """Who imports whom among the project's own modules, imports inside functions included."""

    edges: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, source: Source, known: set[str]) -> None:
        """Take over the imports of a file."""
        for node in ast.walk(source.tree):
            for name in _imported(node):
                target = name if name in known else name.rpartition(".")[0]
                if target in known and target != source.module:
                    self.edges[source.module].add(target)

    def cycles(self) -> list[list[str]]:
        """Strongly connected modules (Tarjan 1972), each group sorted."""
        index: dict[str, int] = {}
        low: dict[str, int] = {}
        stack: list[str] = []
        found: list[list[str]] = []

        def visit(module: str) -> None:
            index[module] = low[module] = len(index)
            stack.append(module)
            for target in self.edges.get(module, ()):
                if target not in index:
                    visit(target)
                    low[module] = min(low[module], low[target])
                elif target in stack:
                    low[module] = min(low[module], index[target])
            if low[module] == index[module]:
                at = stack.index(module)
                group, stack[at:] = stack[at:], []
                if len(group) > 1:
                    found.append(sorted(group))

        for module in list(self.edges):
            if module not in index:
                visit(module)
        return found


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _length(function: _Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def read_sources(root: Path) -> list[Source]:
    """Every Python file that git knows below `root`, without migrations and the collar's MicroPython program."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=root, capture_output=True, text=True, check=True)
    paths = [Path(line) for line in listed.stdout.splitlines() if (root / line).is_file()]
    kept = [path for path in paths if "migrations" not in path.parts and path.parts[:2] != ("firmware", "collar")]
    texts = [(path, (root / path).read_text()) for path in kept]
    return [Source(path, ast.parse(text), text.count("\n")) for path, text in texts]


def measure(root: Path) -> dict[str, object]:
    """The figures of the checkout at `root`."""
    sources = read_sources(root)
    product = [source for source in sources if not source.is_test and source.path.parts[0] != "tests"]
    lengths = [(source.path, one.name, _length(one)) for source in product for one in source.functions()]
    graph, known = Graph(), {source.module for source in product}
    for source in product:
        graph.add(source, known)
    rooms = Counter[str]()
    tests = Counter[str]()
    for source in sources:
        (tests if source.is_test else rooms)[source.room] += source.lines
    total = sum(source.lines for source in product)
    largest, lines = rooms.most_common(1)[0]
    dicts = sum(len(re.findall(r"dict\[str, Any\]", ast.unparse(source.tree))) for source in product)
    return {
        "files over 400 lines": [str(source.path) for source in product if source.lines > FILE_MOST],
        "functions over 40 lines": [f"{path}:{name}" for path, name, length in lengths if length > FUNCTION_MOST],
        "import cycles, late imports too": graph.cycles(),
        "largest room": f"{largest}, {100 * lines / total:.0f} % of {total} lines",
        "test lines per line": {room: round(tests[room] / rooms[room], 2) for room in TESTED_ROOMS if rooms[room]},
        "dict[str, Any]": dicts,
        "median function, lines": statistics.median(length for _, _, length in lengths),
    }


def run() -> int:
    """Print them, a line each."""
    for name, value in measure(ROOT).items():
        count = f"{len(value)} " if isinstance(value, list) else ""
        print(f"{name:<32} {count}{value if value or value == 0 else ''}")
    return 0
