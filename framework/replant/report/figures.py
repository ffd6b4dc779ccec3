"""Writes sizes and durations for people."""

from __future__ import annotations

_THOUSAND = 1000
_MINUTE = 60


def human_size(size: float) -> str:
    """Write bytes in the unit that suits: `12.3 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < _THOUSAND:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _THOUSAND
    return f"{size:.1f} TB"


def duration(seconds: float) -> str:
    """Write a duration: `12 ms`, `3.4 s`, `5 min 6 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest} s"
