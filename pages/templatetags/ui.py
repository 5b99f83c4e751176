"""Icons, faces and times for templates. Drawings are hidden from screen readers: words carry the meaning."""

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from pages import formatting
from pages.icons import FACES, ICONS

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """An inline icon by name."""
    drawing = mark_safe(ICONS[name])  # noqa: S308  (a constant)
    return format_html('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{}</svg>', drawing)


@register.simple_tag
def face(species: str) -> SafeString:
    """The drawing of a pet without a picture, for a box of 100 by 100."""
    return mark_safe(FACES.get(species, FACES["other"]))  # noqa: S308  (a constant)


@register.simple_tag
def moment(value: datetime | None, zone: str, show: str = "smart") -> SafeString:
    """A `<time>` element."""
    return formatting.time_tag(value, zone, show)


@register.filter
def duration(seconds: int) -> str:
    """Seconds as `1 h 34 min`."""
    return formatting.duration(seconds)


@register.filter
def percent(value: float) -> str:
    """A number as `82 %`."""
    return formatting.percent(value)


@register.filter
def charge_width(value: float | None) -> str:
    """How wide the battery icon's filling is, of 12."""
    return f"{max(0.0, min(100.0, value or 0)) * 0.12:.1f}"


@register.simple_tag
def script_words() -> dict[str, str]:
    """What the scripts say."""
    return formatting.script_words()


@register.simple_tag
def player_words() -> dict[str, str]:
    """What player.js says."""
    return formatting.player_words()


@register.simple_tag
def chart_words() -> dict[str, str | dict[int, str]]:
    """What the chart says."""
    return formatting.chart_words()
