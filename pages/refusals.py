"""What a refused wish is in words, with the way out."""

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import ApiError


def in_words(refused: ApiError) -> str:
    """The sentence for a person."""
    known = {
        "not_found": _("We don't know this code, or it is already used. Check it on the tag."),
        "too_many": _("An account can have {n} collars. Remove one first.").format(n=settings.DEVICES_PER_OWNER),
        "throttled": _("Too many tries. Wait a little, then try again."),
        "retired": _("This collar is retired. Nothing about it can be changed any more."),
        "bad_password": _("The password is wrong."),
        "forbidden": _("Only its owner can hand a collar over."),
        "pet_worn": _("A collar is on this pet. Take it off first, in the collar's settings."),
        "yours": _("This collar is yours already. To keep it, call the handover off on its page."),
        "staff_stays": _("Staff accounts are ended by an administrator."),
        "conflict": _("Somebody changed this just now. Look again, then try once more."),
    }
    return known.get(refused.code, _("A part of Hetri is down. Nothing was changed; try again in a moment."))
