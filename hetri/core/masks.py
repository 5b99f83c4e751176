"""Personal data as staff see it before they say why they need it."""


def masked(email: str) -> str:
    """`al…@example.com`: enough to tell two people apart, too little to write to them."""
    name, _, host = email.partition("@")
    return f"{name[:2]}…@{host}"
