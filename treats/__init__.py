"""Treats: the ledger, the pet's budget, what a request waits for. A sister of streaming and firmware."""
