"""Batches of collars."""
