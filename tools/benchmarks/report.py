"""How a benchmark speaks: a line for people, a line of JSON for programs."""

import json
from collections.abc import Sequence


def report(name: str, ratio: float, ours: tuple[float, str], reference: tuple[float, str], **more: object) -> None:
    """`NAME: ratio R (ours X unit, reference Y unit)` and the same as JSON with `more` beside it."""
    said = f"ours {ours[0]:.4g} {ours[1]}, reference {reference[0]:.4g} {reference[1]}"
    print(f"{name}: ratio {ratio:.3g} ({said})", flush=True)
    facts = {"name": name, "ratio": ratio, "ours": ours[0], "reference": reference[0], "unit": ours[1], **more}
    print(json.dumps(facts), flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
