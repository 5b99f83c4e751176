"""Personal data as staff see it before they say why they need it."""

SHOWN = 2


def masked(email: str) -> str:
    """`al…@example.com`: enough to tell two people apart, too little to write to them. Never half of a name."""
    name, _, host = email.partition("@")
    return f"{name[: min(SHOWN, (len(name) - 1) // 2)]}…@{host}"
