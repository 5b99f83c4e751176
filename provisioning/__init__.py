"""Making collars: one by hand, many in a batch, and what the chip is given."""
