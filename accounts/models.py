"""User and the sessions that a user holds."""

from collections.abc import Iterator
from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from accounts.signals import password_set
from core.ids import uuid7
from core.redaction import masked
from core.times import now


class Role(models.TextChoices):
    """What a person is to Hetri."""

    OWNER = "owner"
    STAFF = "staff"
    ADMIN = "admin"


class UserManager(BaseUserManager["User"]):
    """Makes users; an e-mail is one person whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user with a hashed password, whose address is known to be theirs; `role` defaults to owner."""
        user = self.model(email=email.strip().lower(), **fields)
        user.is_superuser = user.role == Role.ADMIN
        user.set_password(password)
        user.save(using=self._db)
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """For `manage.py createsuperuser`: an admin."""
        return self.create_user(email, password, **{**fields, "role": Role.ADMIN})


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The e-mail is the login."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=80)
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.OWNER)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    stands_in = False  # in the place of somebody whom nobody knows, so that a request takes as long for them
    has_factor: bool | None = None  # what accounts.roles found out; None: nobody asked yet

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        indexes = [
            models.Index(fields=["role", "-id"], name="user_by_role"),
            models.Index(fields=["-id"], condition=models.Q(is_active=False), name="user_inactive"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_lower"),
            models.CheckConstraint(
                condition=models.Q(role=Role.ADMIN, is_superuser=True)
                | ~models.Q(role=Role.ADMIN) & models.Q(is_superuser=False),
                name="user_superuser_is_admin",
            ),
        ]

    def __str__(self) -> str:
        return masked(self.email)  # what the admin and its log print

    def save(self, *args: Any, **options: Any) -> None:
        """As Django's; who knew the old password is told of a new one, whoever set it."""
        is_new_password = self._password is not None and not self._state.adding  # type: ignore[attr-defined]
        super().save(*args, **options)
        if is_new_password:
            password_set.send(User, user=self)

    @classmethod
    def standing_in(cls, email: str) -> "User":
        """Nobody, with that address: never saved, and letters to them are made and go nowhere."""
        nobody = cls(email=email)
        nobody.stands_in = True
        return nobody

    def get_session_auth_hash(self) -> str:
        """What a browser's Django session is bound to: the person, not the stored hash.

        A stored hash is made anew at a sign-in when its parameters are old, which must sign nobody out. What a new
        password ends is the UserSession, that each request asks for.
        """
        return salted_hmac("hetri.accounts.session", str(self.pk), algorithm="sha256").hexdigest()

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Sessions that were begun while Django's own binding was used go on."""
        yield super().get_session_auth_hash()

    @property
    def is_staff(self) -> bool:
        """Whether Django's admin lets this person in."""
        return self.role != Role.OWNER


class UserSession(models.Model):
    """One sign-in: a browser, or a program with tokens. Whatever is checked against it ends with it."""

    class Kind(models.TextChoices):
        BROWSER = "browser"
        API = "api"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    refresh_jti = models.CharField(max_length=32, blank=True)
    previous_jti = models.CharField(max_length=32, blank=True, default="", db_default="")  # the one before it
    refreshed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user"], condition=models.Q(ended_at=None), name="session_open"),
            models.Index(fields=["expires_at"], name="session_expiry"),
            models.Index(fields=["kind", "-id"], name="session_by_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} session of {self.user_id}"


class SignInFailure(models.Model):
    """How often signing in failed on a day (UTC): one row for each person, and one for all unknown addresses.

    Neither what was typed nor from where is kept. Rows go after KEPT_DAYS (accounts.failures).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sign_in_failures")
    day = models.DateField()
    wrong = models.PositiveIntegerField(default=0)  # a password, or a code of the second factor
    throttled = models.PositiveIntegerField(default=0)  # tries beyond the limit, whose password nobody looked at
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "day"], nulls_distinct=False, name="failures_of_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.wrong + self.throttled} on {self.day}"
