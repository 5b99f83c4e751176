"""Hetri: an open smart-collar platform for dogs and cats."""

from hetri.celery import app as celery_app

__all__ = ["celery_app"]
