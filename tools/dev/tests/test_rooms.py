import tomllib

from ops.paths import ROOT


def test_each_room_has_its_layer() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = {room.strip() for layer in contract["contracts"][0]["layers"] for room in layer.split("|")}
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert layers == rooms == set(contract["root_packages"])


def test_each_room_with_tests_is_tested() -> None:
    paths = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["testpaths"]
    rooms = {path.parent for path in ROOT.glob("*/__init__.py")}
    assert {room.name for room in rooms if any(room.rglob("test_*.py"))} == set(paths)
