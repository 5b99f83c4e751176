"""The web process: HTTP by Django, WebSockets by Channels. Who steers it is the server, never a request."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hetri.settings")
http = get_asgi_application()  # loads the apps, which the imports below need

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.sessions import SessionMiddlewareStack  # noqa: E402

from core import metrics  # noqa: E402
from core.public import PublicRequest, as_public  # noqa: E402
from hetri.websockets import patterns  # noqa: E402

metrics.serve("web")

http.request_class = PublicRequest
application = as_public(
    ProtocolTypeRouter({"http": http, "websocket": SessionMiddlewareStack(URLRouter(patterns))}),
)
