"""Treats in the API: an order that waits for its result, and the ledger."""
