"""Releases and updates in the API."""
