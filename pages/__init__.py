"""The pages of owners: they compose what the rooms below know."""
