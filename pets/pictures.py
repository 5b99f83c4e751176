"""Pictures of pets: whatever a phone sends comes out as a small square without metadata, or is refused."""

import hashlib
import warnings
from io import BytesIO
from typing import IO

from django.db import transaction
from PIL import Image, ImageOps, UnidentifiedImageError

from hetri.core.errors import Invalid
from pets.models import Pet, PetPicture

SIDE = 512  # pixels; the largest that a page shows is 184, at three to one
MAX_BYTES = 12_000_000
MAX_PIXELS = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP")
QUALITY = 82


def square(file: IO[bytes]) -> bytes:
    """A WebP of SIDE x SIDE pixels, cut from the middle, upright, without metadata. Raises Invalid."""
    try:
        with warnings.catch_warnings(), Image.open(file, formats=FORMATS) as opened:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if opened.width * opened.height > MAX_PIXELS:
                raise Invalid({"picture": ["too large"]}, "The picture has too many pixels.")
            opened.draft("RGB", (SIDE, SIDE))
            upright = ImageOps.exif_transpose(opened).convert("RGB")
            small = ImageOps.fit(upright, (SIDE, SIDE))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, Warning) as error:
        raise Invalid({"picture": ["not a picture"]}, "This file is not a JPEG, PNG or WebP picture.") from error
    # A new image: what the old one carried beside its pixels stays behind.
    clean, out = Image.new("RGB", small.size), BytesIO()
    clean.paste(small)
    clean.save(out, "WEBP", quality=QUALITY)
    return out.getvalue()


def set_picture(*, pet: Pet, file: IO[bytes]) -> Pet:
    """Give a pet its picture. Raises Invalid."""
    content = square(file)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    with transaction.atomic():
        PetPicture.objects.update_or_create(pet=pet, defaults={"content": content})
        Pet.objects.filter(pk=pet.pk).update(picture_digest=digest)
    pet.picture_digest = digest
    return pet


@transaction.atomic
def remove_picture(*, pet: Pet) -> None:
    """Back to the drawing."""
    PetPicture.objects.filter(pet=pet).delete()
    Pet.objects.filter(pk=pet.pk).update(picture_digest="")
