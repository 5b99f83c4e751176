"""Video in the API."""
