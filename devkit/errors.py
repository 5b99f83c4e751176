"""How the devkit says no: one line, no traceback."""


class Refusal(Exception):
    """Something that the person at the keyboard can mend; the text says how."""
