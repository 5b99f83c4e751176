"""What a member of staff may do: one function, asked by the admin, the API and the pages alike.

Support looks, operations act, admins do everything. The groups are made after each migration (hetri.staff.groups).
"""

from hetri.accounts.models import User

OPERATE = "staff.operate"  # act on collars of others
REVEAL = "staff.reveal"  # see an owner's personal data, with a reason
SUPPORT, OPERATIONS = "support", "operations"


def may(user: User, permission: str) -> bool:
    """Whether this person is staff with that permission. An owner never is, whatever groups say."""
    return user.is_staff and user.has_perm(permission)
