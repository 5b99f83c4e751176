"""Who looks at a page."""

from django.http import Http404, HttpRequest

from accounts.models import User


def viewer(request: HttpRequest) -> User:
    """The signed-in person; login_required comes first."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user
