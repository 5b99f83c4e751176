"""Backups and restores: base backups of the database, the log that follows them, and the broker's store.

`python -m backup` runs beside ./dev and in the containers alike. Why it is made this way: docs/decisions/backups.md.
"""
