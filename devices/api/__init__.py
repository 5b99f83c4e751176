"""/devices in the API."""
