"""What pets tell the rooms above them."""

from django.dispatch import Signal

# Sent inside the transaction with `pet`: collars that the pet wears follow its new time zone.
time_zone_changed = Signal()
# Sent inside the transaction with `pet`: a receiver that still needs the pet raises Conflict.
pet_deleting = Signal()
