"""Writes TOML for people: strings and comments, whatever they hold."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable

#: The width of a comment.
_WIDTH = 98

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def string(text: str) -> str:
    """Write a string on one line; between single quotes if it would need escapes."""
    if text.isprintable() and "'" not in text and ('"' in text or "\\" in text):
        return f"'{text}'"
    # JSON escapes as TOML does, but for DEL, which TOML does not take as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    """Write a key, quoted only where it must be."""
    return name if _BARE_KEY.fullmatch(name) else string(name)


def array(items: Iterable[str], *, reasons: Iterable[str] = ()) -> str:
    """Write an array of strings on one line; or each item on a line, below its reason."""
    said = list(reasons)
    if not said:
        return f"[{', '.join(map(string, items))}]"
    lines = []
    for item, text in zip(items, said, strict=True):
        lines += [*comment(text, "    # "), f"    {string(item)},"]
    return "\n".join(["[", *lines, "]"])


def comment(text: str, mark: str = "# ") -> list[str]:
    """Write the lines of a comment, folded between words."""
    return textwrap.wrap(
        printable(text),
        _WIDTH,
        initial_indent=mark,
        subsequent_indent=mark,
        break_long_words=False,
        break_on_hyphens=False,
    )


def printable(text: str) -> str:
    """Write a text as a comment can hold it; TOML allows no control characters there."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
