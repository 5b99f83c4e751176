"""Limits of treats."""

PORTIONS_MOST = 5  # of one order
WAIT_DEFAULT_S, WAIT_MOST_S = 5, 20  # how long a request waits for the collar
PUBACK_WAIT_S = 2.0  # how long we wait for the broker to say that it has the command
TREAT_HEADER = "X-Treat-ID"  # nginx logs it: docs/decisions/one-id.md
