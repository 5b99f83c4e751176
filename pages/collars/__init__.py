"""Pages that add, set, hand over and remove a collar."""
