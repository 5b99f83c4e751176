"""What devices tell the rooms above them."""

from django.dispatch import Signal

# Sent after commit with `device_id`: its owner, its life or its settings are others now.
access_changed = Signal()
# Sent in the transaction of a command's result, with `device_id`, `command_id`, `result` and `reason` (or "").
command_answered = Signal()
