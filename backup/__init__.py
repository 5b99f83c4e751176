"""Backups of an installation, and back: base backups of the database with the log that follows them, and the broker's store.

`python -m backup` runs beside ./dev and in the containers alike. Why it is made this way: docs/decisions/backups.md.
"""
