"""Who may do what at the desk, asked by each page that acts."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.models import User
from accounts.roles import may


def person(request: HttpRequest, permission: str) -> User:
    """Who is at the desk. Raises PermissionDenied without that permission."""
    if not isinstance(request.user, User) or not may(request.user, permission):
        raise PermissionDenied
    return request.user
