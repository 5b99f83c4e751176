"""Treats as they are ordered, settled and counted."""
