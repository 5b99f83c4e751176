"""The file system image of a board, read by MicroPython's own littlefs."""

import hashlib
import subprocess
from pathlib import Path

from firmware import board, image
from firmware.simulation import COLLAR, collar_env, micropython

READ = """
import hashlib, os, sys, vfs
sys.path.insert(0, sys.argv[1])
from sim.flash import Flash, PAGE
flash = Flash(int(sys.argv[3]))
with open(sys.argv[2], "rb") as file:
    flash._bytes[: os.stat(sys.argv[2])[6]] = file.read()
disk = vfs.VfsLfs2(flash)
vfs.mount(disk, "/board")
def show(path):
    for name, kind, *_ in os.ilistdir(path):
        if kind == 0x4000:
            show(path + "/" + name)
        else:
            with open(path + "/" + name, "rb") as file:
                print(path[6:] + "/" + name, hashlib.sha256(file.read()).digest().hex())
show("/board")
with open("/board/data/more", "w") as file:
    file.write("x" * 100000)
"""


def test_a_board_finds_every_file_in_it_and_can_write_more(tmp_path: Path) -> None:
    tree, script = tmp_path / "tree", tmp_path / "read.py"
    board.lay_out(tree, b'{"id": "x"}')
    whole = image.build(tree)
    (tmp_path / "littlefs.img").write_bytes(whole)
    script.write_text(READ)
    command = [micropython(), "-X", "heapsize=16M", str(script)]
    done = subprocess.run(
        [*command, str(COLLAR), str(tmp_path / "littlefs.img"), str(image.BLOCKS)],
        env=collar_env(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = dict(line.split() for line in done.stdout.splitlines())
    paths = [path for path in tree.rglob("*") if path.is_file()]
    assert found == {f"/{path.relative_to(tree)}": hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
