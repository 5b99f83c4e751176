"""What pets tell the rooms above them."""

from django.dispatch import Signal

# Sent inside the transaction with `pet` and `time_zone`, before the pet is written: collars that it wears follow. A
# treat takes the row of its collar before its pet's, and so does this.
time_zone_changing = Signal()
# Sent inside the transaction with `pet`: a receiver that still needs the pet raises Conflict.
pet_deleting = Signal()
