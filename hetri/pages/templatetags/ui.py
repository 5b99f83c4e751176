"""Icons and small marks, drawn on a 24 grid with round caps; hidden from readers, words carry the meaning."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

PATHS = {
    "back": "M15 5l-7 7 7 7",
    "next": "M9 5l7 7-7 7",
    "home": "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
    "account": "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 20c1-4 4-6 8-6s7 2 8 6",
    "bone": "M8.5 15.5l7-7M7 14a2.3 2.3 0 1 0-2.3 3A2.3 2.3 0 1 0 10 17zM17 10a2.3 2.3 0 1 0 2.3-3A2.3 2.3 0 1 0 14 7z",
    "warn": "M12 4l9 16H3zM12 10v4M12 17v.2",
    "clock": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
    "wifi": "M3 9a13 13 0 0 1 18 0M6 12.5a8.5 8.5 0 0 1 12 0M9 16a4.2 4.2 0 0 1 6 0M12 19v.2",
    "bolt": "M13 3L5 14h6l-1 7 8-11h-6z",
    "minus": "M6 12h12",
    "plus": "M6 12h12M12 6v12",
    "out": "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
    "tag": "M12 15a5 5 0 1 0 0-10 5 5 0 0 0 0 10zM12 15v4",
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """An inline icon by name."""
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="{}"/></svg>',
        PATHS[name],
    )


@register.simple_tag
def result_icon(result: str) -> SafeString:
    """The ledger's icon of a result."""
    if result in ("jammed", "empty", "failed"):
        return icon("warn")
    return icon("bone" if result == "dispensed" else "clock")


FACES = {
    "cat": '<path d="M31 42l-3-19 14 9M69 42l3-19-14 9"/><circle cx="50" cy="54" r="23"/>'
    '<path d="M50 60l-3-3h6zM50 60v4M40 64l-14 3M60 64l14 3"/>',
    "dog": '<path d="M35 34c-9-7-14-3-15 4s2 13 7 14M65 34c9-7 14-3 15 4s-2 13-7 14"/>'
    '<path d="M30 48c0-12 8-20 20-20s20 8 20 20c0 16-9 30-20 30S30 64 30 48z"/><path d="M45 60h10l-5 6z"/>',
}


@register.simple_tag
def face(species: str) -> SafeString:
    """A pet without a picture."""
    eyes = '<circle class="eye" cx="42" cy="49" r="2.5"/><circle class="eye" cx="58" cy="49" r="2.5"/>'
    return mark_safe(f'<g class="face">{FACES.get(species, FACES["dog"])}{eyes}</g>')  # noqa: S308  (constants)
