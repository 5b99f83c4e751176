"""Where the world reaches us: HETRI_URL. No request says it, whatever its Host or a proxy's header claims."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest

Application = Callable[[Any, Any, Any], Awaitable[None]]


def public_link(path: str) -> str:
    """The address of `path` (it begins with a slash) for somebody outside, as a mail needs it."""
    public = urlsplit(settings.PUBLIC_URL)
    return f"{public.scheme}://{public.netloc}{path}"


class PublicRequest(ASGIRequest):
    """A request under our public name, so that every address made of it is ours: in mails, `Location`, `next`."""

    def get_host(self) -> str:
        """HETRI_URL's name and port. Raises DisallowedHost when it was asked for by a name that is not ours."""
        super().get_host()
        return urlsplit(settings.PUBLIC_URL).netloc


def as_public(application: Application) -> Application:
    """At the root, and by the scheme that the world uses: a server in front would let its callers say otherwise."""
    fixed = {"root_path": "", "scheme": urlsplit(settings.PUBLIC_URL).scheme}

    async def enter(scope: dict[str, object], receive: Any, send: Any) -> None:
        about = fixed if scope["type"] == "http" else {"root_path": ""}
        await application({**scope, **about}, receive, send)

    return enter
