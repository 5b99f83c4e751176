"""What is said when the collars' broker does not answer."""

from django.utils.translation import gettext_lazy as _

from core.errors import Unavailable


class BrokerUnavailable(Unavailable):
    code = "broker_unavailable"
    detail = _("The collars cannot be reached just now. Nothing was changed; try again in a moment.")
