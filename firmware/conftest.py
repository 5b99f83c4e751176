"""The collar's own tests run under MicroPython (tests/test_collar_program.py starts them), not under pytest."""

collect_ignore = ["collar"]
