"""Firmware: the collar's program (collar/) and how it is run here."""
