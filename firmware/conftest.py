"""The collar's own tests run under MicroPython; tests/test_collar_program.py starts them."""

collect_ignore = ["collar"]
