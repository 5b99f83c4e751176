"""A board's file system as one file, for esptool to write."""

from pathlib import Path

from littlefs import LittleFS

# MicroPython's `vfs` partition on an ESP32-S3 with 8 MB (ports/esp32/partitions-8MiB.csv): 6 MB from 0x200000 on.
BLOCK, BLOCKS = 4096, 1536
ERASED = b"\xff"
# What MicroPython's VfsLfs2 reads and writes at once (extmod/vfs_lfs.c).
PROGRAM_SIZE = 32


def build(tree: Path) -> bytes:
    """The files below `tree` in a littlefs. Erased blocks at the end are left out: their contents do not matter."""
    made = LittleFS(block_size=BLOCK, block_count=BLOCKS, prog_size=PROGRAM_SIZE, read_size=PROGRAM_SIZE)
    for path in sorted(tree.rglob("*")):
        name = f"/{path.relative_to(tree)}"
        if path.is_dir():
            made.mkdir(name)
        else:
            with made.open(name, "wb") as file:
                file.write(path.read_bytes())
    whole = bytes(made.context.buffer)
    used = len(whole.rstrip(ERASED))
    return whole[: -(-used // BLOCK) * BLOCK]
