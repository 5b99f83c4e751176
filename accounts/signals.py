"""What accounts tell the rooms above them."""

from django.dispatch import Signal

# Sent after commit with `session_ids` (list of UUID): sockets, streams and tokens of these sessions end now.
sessions_ended = Signal()

# Sent with `user` when somebody who has an account got a new password, by whatever door.
password_set = Signal()
