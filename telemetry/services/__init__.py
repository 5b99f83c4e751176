"""Storing what collars send, and reading it back."""
