"""ETag and If-Match: who changes something says which edition of it they saw, and is refused when there is a newer one.

An edition is made of what people change, not of what a collar reports: it stays the same while nobody changes it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from django.utils.translation import gettext_lazy as _

from core.errors import ApiError


class Changed(ApiError):
    status = 412
    code = "changed"
    detail = _("Somebody else has changed it since you looked. Read it again, then change it.")


def edition_of(*values: object) -> str:
    """The ETag of these values, with its quotes."""
    plain = json.dumps(values, default=str, sort_keys=True).encode()
    return f'"{blake2b(plain, digest_size=12).hexdigest()}"'


@dataclass(frozen=True)
class Match:
    """The editions that a caller is content with; None: any."""

    tags: frozenset[str] | None = None

    def require(self, edition: str) -> None:
        """Call it under the row's lock. Raises Changed."""
        if self.tags is not None and edition.strip('"') not in self.tags:
            raise Changed


ANY = Match()


def match_of(headers: Mapping[str, str]) -> Match:
    """What `If-Match` asks for. A proxy that compresses makes a weak tag of ours, so weak ones count, too."""
    said = headers.get("If-Match", "").strip()
    if said in ("", "*"):
        return ANY
    return Match(frozenset(tag.strip().removeprefix("W/").strip('"') for tag in said.split(",")))
