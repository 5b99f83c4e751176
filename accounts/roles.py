"""What a member of staff may do: one function, asked by the admin, the API and the pages alike.

Support looks, operations act, admins do everything. The groups are made after each migration (staff.groups).
"""

from allauth.mfa.models import Authenticator
from django.conf import settings

from accounts.models import User

SEE_ALL = "devices.view_device"  # every collar, and all that it ever did
OPERATE = "staff.operate"  # act on collars of others
REVEAL = "staff.reveal"  # see an owner's personal data, with a reason
RELEASE = "staff.release"  # publish, roll out and withdraw the collars' programs
MANAGE_PEOPLE = "accounts.change_user"  # roles, and what lets somebody in; admins alone
SUPPORT, OPERATIONS = "support", "operations"


def may(user: User, permission: str) -> bool:
    """Whether this person is at the staff's desk with that permission. An owner never is, whatever groups say."""
    return is_verified_staff(user) and user.has_perm(permission)


def is_verified_staff(user: User) -> bool:
    """Whether this is staff who have proved it: with the second factor where they need one."""
    return user.is_staff and not lacks_factor(user)


def sees_all(user: User) -> bool:
    """Whether this is staff who may look at every collar, its treats and its viewers."""
    return may(user, SEE_ALL)


def lacks_factor(user: User) -> bool:
    """Whether this is staff who have yet to turn on the second factor; looked up once for each user read."""
    if not (user.is_staff and settings.STAFF_SECOND_FACTOR):
        return False
    if user.has_factor is None:
        user.has_factor = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()
    return not user.has_factor


def may_name(viewer: User, person: User) -> bool:
    """Whether the viewer may be told this person's name in passing: staff write down why they need an owner's."""
    return not viewer.is_staff or person.is_staff
