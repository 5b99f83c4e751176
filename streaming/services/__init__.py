"""What happens to streams and viewings; each function is one transaction, and the network comes after it."""
