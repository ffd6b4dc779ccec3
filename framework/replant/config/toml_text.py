"""TOML to be read by people: strings and comments, whatever they hold."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator

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


def array(items: Iterable[str], *, comments: Iterable[str] = ()) -> str:
    """An array of strings: on one line, or with a comment over each item, a line each."""
    said = list(comments)
    if not said:
        return f"[{', '.join(map(string, items))}]"
    lines = []
    for item, text in zip(items, said, strict=True):
        lines += [*comment(text, indent="    "), f"    {string(item)},"]
    return "\n".join(["[", *lines, "]"])


def comment(text: str, *, indent: str = "") -> Iterator[str]:
    """A comment, folded between words; control characters are none of TOML's."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    yield from textwrap.wrap(
        shown,
        _WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [f"{indent}#"]
