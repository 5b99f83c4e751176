"""What devices tell the rooms above them."""

from django.dispatch import Signal

# Sent after commit with `device_id`: its owner, its life or its settings are others now.
access_changed = Signal()
# Sent in the transaction that took over an online presence, with `device_id`.
came_online = Signal()
# Sent in the transaction of a report of an update, with `device_id`, `job_id`, `state`, `reason` (or "") and `at`.
update_reported = Signal()
