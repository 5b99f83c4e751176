"""What can be done with a collar; each function is one transaction, and the network comes after it."""
