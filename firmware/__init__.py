"""The collar's program and what starts it on a computer."""
