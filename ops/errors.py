"""How ./dev and the containers' preparation say no: one line, no traceback."""


class Refusal(Exception):
    """Something that the person at the keyboard can mend; the text says how."""
