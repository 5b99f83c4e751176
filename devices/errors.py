"""Refusals that several rooms give."""

from django.utils.translation import gettext_lazy as _

from core.errors import Conflict


class Retired(Conflict):
    code = "retired"
    detail = _("This collar is retired. Nothing about it can be changed any more.")


class CollarOffline(Conflict):
    code = "offline"
    detail = _("The collar is offline. Nothing was sent.")


class NoCamera(Conflict):
    code = "no_camera"
    detail = _("This collar has no camera.")
