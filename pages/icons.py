"""Hetri's own drawings: icons on a 24 grid with round caps, and faces of pets without a picture."""
# ruff: noqa: E501  (a path is one line)

ICONS = {
    "back": '<path d="M14.5 5.5 8 12l6.5 6.5"/>',
    "next": '<path d="M9.5 5.5 16 12l-6.5 6.5"/>',
    "home": '<path d="M4 10.6 12 4l8 6.6V19a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1z"/><path d="M9.7 20v-5.6h4.6V20"/>',
    "person": '<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5a7.5 7.5 0 0 1 15 0"/>',
    "out": '<path d="M13.5 4H6a1.5 1.5 0 0 0-1.5 1.5v13A1.5 1.5 0 0 0 6 20h7.5"/>'
    '<path d="M10 12h10.5m-3.7-3.7 3.7 3.7-3.7 3.7"/>',
    "bone": '<path transform="rotate(-45 12 12)" d="M7.3 10.2h9.4a2.3 2.3 0 1 1 3.5 1.8 2.3 2.3 0 1 1-3.5 1.8'
    'H7.3A2.3 2.3 0 1 1 3.8 12a2.3 2.3 0 1 1 3.5-1.8z"/>',
    "up": '<path d="M12 19.5v-15M6 10.5l6-6 6 6"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "minus": '<path d="M5 12h14"/>',
    "tick": '<path d="m6 12.4 4 4 8-8.6"/>',
    "warn": '<path d="M10.7 4.7 2.9 18a1.5 1.5 0 0 0 1.3 2.2h15.6a1.5 1.5 0 0 0 1.3-2.2L13.3 4.7a1.5 1.5 0 0 0'
    '-2.6 0z"/><path d="M12 9.5v4.3M12 17v.1"/>',
    "clock": '<circle cx="12" cy="12" r="8.5"/><path d="M12 7.3V12l3 2.2"/>',
    "unknown": '<circle cx="12" cy="12" r="8.5" stroke-dasharray="3.4 3.3"/><path d="M12 8v4.6M12 16v.1"/>',
    "wifi": '<path d="M3 9.6a13 13 0 0 1 18 0M6.3 13.1a8.2 8.2 0 0 1 11.4 0M9.5 16.5a3.6 3.6 0 0 1 5 0M12 19.6v.1"/>',
    "bolt": '<path d="M13.3 3 5 13.6h5.7L10 21l8.7-10.8h-5.9z"/>',
    "tag": '<path d="M8.7 15.7a6.7 6.7 0 1 1 6.6 0"/><circle cx="12" cy="18" r="2.6"/>',
    "paw": '<ellipse cx="12" cy="15.8" rx="4.6" ry="3.9"/><ellipse cx="5.2" cy="11.4" rx="1.7" ry="2.3"/>'
    '<ellipse cx="9.3" cy="6.8" rx="1.7" ry="2.4"/><ellipse cx="14.7" cy="6.8" rx="1.7" ry="2.4"/>'
    '<ellipse cx="18.8" cy="11.4" rx="1.7" ry="2.3"/>',
    "sliders": '<path d="M4 7.5h9M19 7.5h1M4 16.5h1M11 16.5h9"/><circle cx="16" cy="7.5" r="2.6"/>'
    '<circle cx="8" cy="16.5" r="2.6"/>',
    "turn": '<path d="M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 3.8v4.4h-4.4"/>',
    "hand": '<path d="M4 12h13m-4.5-4.5L17 12l-4.5 4.5M20.5 5v14"/>',
    "chip": '<rect x="6.5" y="6.5" width="11" height="11" rx="2"/><path d="M9.5 3.5v3m5-3v3m-5 11v3m5-3v3'
    'M3.5 9.5h3m-3 5h3m11-5h3m-3 5h3M10.5 12h3"/>',
    "camera": '<rect x="3.5" y="7" width="17" height="12.5" rx="2.5"/><path d="m8.5 7 1.3-2.5h4.4L15.5 7"/>'
    '<circle cx="12" cy="13" r="3.3"/>',
    "camera_off": '<path d="M9.300 7h8.700A2.500 2.500 0 0 1 20.500 9.500v8M17 19.500H6A2.500 2.500 0 0 1 3.500 17V9.500'
    'A2.500 2.500 0 0 1 5.200 7.100M9 11.600a3.300 3.300 0 0 0 4.500 4.400M4 4l16 16"/>',
    "search": '<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4 4"/>',
    "play": '<path d="M8 5.2v13.6a.6.6 0 0 0 .9.5l10.600-6.800a.6.6 0 0 0 0-1L8.900 4.700a.6.6 0 0 0-.9.5z"/>',
    "pause": '<path d="M8.500 5v14M15.500 5v14"/>',
    "full": '<path d="M4.500 9V4.500H9M15 4.500h4.500V9M19.500 15v4.500H15M9 19.500H4.500V15"/>',
    "pip": '<rect x="3.5" y="5" width="17" height="14" rx="2"/><path d="M12.500 12h5v4h-5z"/>',
    "stop": '<rect x="6" y="6" width="12" height="12" rx="2"/>',
    "eye": '<path d="M2.8 12S6 5.8 12 5.8 21.200 12 21.200 12 18 18.200 12 18.200 2.8 12 2.8 12z"/>'
    '<circle cx="12" cy="12" r="2.8"/>',
    "pattern": '<rect x="4" y="4" width="6.500" height="6.500" rx="1"/><rect x="13.500" y="4" width="6.500" height="6.500" rx="1"/>'
    '<rect x="4" y="13.500" width="6.500" height="6.500" rx="1"/><path d="M13.500 13.500h3m3.500 0v3m-6.500 3.500h3m3.500-.5v.5"/>',
    "copy": '<rect x="8.5" y="8.5" width="11.5" height="11.5" rx="2"/><path d="M15.5 8.5V5.5a1.5 1.5 0 0 0-1.5-1.5'
    'H5.5A1.5 1.5 0 0 0 4 5.5V14a1.5 1.5 0 0 0 1.5 1.5h3"/>',
    "lock": '<rect x="5" y="10.5" width="14" height="9.5" rx="2"/><path d="M8 10.5V8a4 4 0 0 1 8 0v2.5"/>',
}

_EYES = '<circle class="ink" cx="40.5" cy="51" r="3"/><circle class="ink" cx="59.5" cy="51" r="3"/>'

FACES = {
    "dog": '<path class="ear" d="M34 36c-9-5-16 1-17 12s2 20 8 20 9-10 9-20zM66 36c9-5 16 1 17 12s-2 20-8 20-9-10-9-20z"/>'
    '<path class="fur" d="M50 26c-13 0-21 9-21 22 0 10 4 15 8 20 3 6 7 10 13 10s10-4 13-10c4-5 8-10 8-20 0-13-8-22-21-22z"/>'
    '<path class="blaze" d="M50 27c-4 8-5 18-5 26-6 3-9 8-8 14 3 6 7 10 13 10s10-4 13-10c1-6-2-11-8-14 0-8-1-18-5-26z"/>'
    + _EYES
    + '<path class="ink" d="M44.5 60.5c0-2.6 11-2.6 11 0 0 3-3.6 5.5-5.5 5.5s-5.5-2.5-5.5-5.5z"/>'
    '<path class="line" d="M50 66v3m-6 1c2 2.3 5 2 6-1 1 3 4 3.3 6 1"/>',
    "cat": '<path class="fur" d="M27 26c-2 8-2 16 0 22-1 3-1 6-1 8 0 12 11 20 24 20s24-8 24-20c0-2 0-5-1-8 2-6 2-14 0-22'
    '-6 2-11 6-14 10-6-2-12-2-18 0-3-4-8-8-14-10z"/>'
    '<path class="ear" d="M31 33c-1 4-1 7 0 10 2-3 4-5 7-7-2-1-4-2-7-3zM69 33c1 4 1 7 0 10-2-3-4-5-7-7 2-1 4-2 7-3z"/>'
    + _EYES
    + '<path class="ink" d="M46.5 60h7c0 2-2 4-3.5 4s-3.5-2-3.5-4z"/>'
    '<path class="line" d="M50 64v2.5m-5.5 1.5c2 2 4.7 1.6 5.5-1.5.8 3.1 3.5 3.5 5.5 1.5M24 58l-9-2m9 8-8 3m60-9 9-2m-9 8 8 3"/>',
    "other": '<ellipse class="fur" cx="50" cy="62" rx="15" ry="12.5"/><ellipse class="fur" cx="29" cy="48" rx="6.5" ry="8"/>'
    '<ellipse class="fur" cx="42" cy="36" rx="6.5" ry="8.5"/><ellipse class="fur" cx="58" cy="36" rx="6.5" ry="8.5"/>'
    '<ellipse class="fur" cx="71" cy="48" rx="6.5" ry="8"/>',
}
