"""TOML to be read by people: strings and comments, whatever they hold."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable

#: The width of a comment.
_WIDTH = 98

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def string(text: str) -> str:
    """A string on one line; as it is between single quotes where escapes would be needed."""
    if text.isprintable() and "'" not in text and ('"' in text or "\\" in text):
        return f"'{text}'"
    # JSON escapes as TOML does, but for DEL, which TOML does not take as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    """A key, quoted only where it must be."""
    return name if _BARE_KEY.fullmatch(name) else string(name)


def array(items: Iterable[str], *, reasons: Iterable[str] = ()) -> str:
    """An array of strings: on one line; or a line for each item, below one with its reason."""
    said = list(reasons)
    if not said:
        return f"[{', '.join(map(string, items))}]"
    lines = []
    for item, text in zip(items, said, strict=True):
        lines += [*comment(text, "    # "), f"    {string(item)},"]
    return "\n".join(["[", *lines, "]"])


def comment(text: str, mark: str = "# ") -> list[str]:
    """The lines of a comment, folded between words."""
    return textwrap.wrap(
        printable(text),
        _WIDTH,
        initial_indent=mark,
        subsequent_indent=mark,
        break_long_words=False,
        break_on_hyphens=False,
    )


def printable(text: str) -> str:
    """A text as a comment may hold it: control characters are none of TOML's."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
