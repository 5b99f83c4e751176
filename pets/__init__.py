"""Pets: who wears the collars."""
