"""Collars: who has them, what they are told, what they answer. People read "collar", code says device."""
