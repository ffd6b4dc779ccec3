"""Matches texts against PostgreSQL's patterns, as far as every locale agrees on the answer.

PostgreSQL asks the locale which characters are letters, digits or spaces, and which are each
other's upper and lower case (manual, "Regular Expression Details" and "Locale Support"). Beyond
ASCII locales differ, so what depends on it is None, and the server decides.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from functools import lru_cache

from attrs import frozen

#: ASCII in each class.
_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "blank": r"\t ",
    "xdigit": "0-9A-Fa-f",
    "punct": r"!-/:-@\[-`{-~",
    "cntrl": r"\x01-\x1f\x7f",
    "print": " -~",
    "graph": "!-~",
    "word": r"\w",
}
#: ASCII that is in a class in some locales only: separators are spaces for ICU, and these symbols
#: are no punctuation there.
_DISPUTED = {"space": frozenset("\x1c\x1d\x1e\x1f"), "punct": frozenset("$+<=>^`|~")}

#: Escapes that mean a class, or where a word begins or ends.
_CLASS_OF_ESCAPE = {
    **dict.fromkeys("dD", "digit"),
    **dict.fromkeys("sS", "space"),
    **dict.fromkeys("wWymM", "word"),
}
#: What is written otherwise in Python, whose `$` also matches before a line end.
_IN_PYTHON = {"$": r"\Z", r"\y": r"\b", r"\m": r"\b(?=\w)", r"\M": r"\b(?<=\w)"}

_BRACKET = rf"\[\^?\]?(?:\\[dDsSwWnrtfva!-/:-@\[-`{{-~]|\[:(?:{'|'.join(_CLASSES)}):\]|[^]\\\[])*\]"
_ESCAPE = r"\\[dDsSwWnrtfvaAZymM!-/:-@\[-`{-~]"
#: Syntax that both have; what else there is, such as references back, is left to the server.
_SHARED_SYNTAX = re.compile(
    rf"""(?:
        (?:{_BRACKET}|{_ESCAPE}|[^\\\[({{*+?^$|])(?:(?:[*+?]|\{{\d+(?:,\d*)?\}})\??)?
      | \((?:\?(?:[:=!]|<[=!])|(?!\?))
      | [\^$|]
    )*""",
    re.VERBOSE | re.DOTALL,
)
_WRITTEN_OTHERWISE = re.compile(rf"{_BRACKET}|\\.|\$", re.DOTALL)


@frozen
class Pattern:
    """A pattern as Python matches it.

    Attributes:
        regex: with the letters, digits and spaces of ASCII.
        classes: the names of the character classes in it.
        ignore_case: whether upper and lower case are the same.

    """

    regex: re.Pattern[str]
    classes: frozenset[str] = frozenset()
    ignore_case: bool = False

    @property
    def needs_locale(self) -> bool:
        """Say whether there are texts for which only the server knows whether they match."""
        return self.ignore_case or bool(self.classes)

    def matches(self, text: str) -> bool | None:
        """Say whether a part of the text matches; None if that depends on the locale."""
        if self.ignore_case and not (self.regex.pattern.isascii() and has_known_case(text)):
            return None
        if not all(_is_known(name, character) for name in self.classes for character in text):
            return None
        return self.regex.search(text) is not None


def has_known_case(text: str) -> bool:
    """Say whether all locales agree on the text's case: Turkish has another capital of i."""
    return text.isascii() and not {"i", "I"}.intersection(text)


def _is_known(name: str, character: str) -> bool:
    """Say whether all locales agree on whether the character is in the class."""
    if character.isascii():
        return character not in _DISPUTED.get(name, ())
    # Characters that Python does not know yet ("Cn") may be anything.
    kind = unicodedata.category(character)[0]
    return (name == "digit" and kind not in "NC") or (
        name in ("space", "blank") and kind not in "ZC"
    )


@lru_cache(maxsize=1000)
def regular_expression(pattern: str, *, ignore_case: bool = False) -> Pattern | None:
    """Translate a regular expression of PostgreSQL; None if its syntax is not known here."""
    if not _SHARED_SYNTAX.fullmatch(pattern):
        return None
    found = re.findall(r"\\(.)|\[:(\w+):\]", pattern, re.DOTALL)
    classes = (_CLASS_OF_ESCAPE.get(escape) or name for escape, name in found)
    translated = _WRITTEN_OTHERWISE.sub(_in_python, pattern)
    try:
        with warnings.catch_warnings(action="error"):
            regex = re.compile(translated, _flags(ignore_case=ignore_case))
    except (re.error, OverflowError, FutureWarning):
        return None
    return Pattern(regex, frozenset(filter(None, classes)), ignore_case)


@lru_cache(maxsize=1000)
def like_pattern(pattern: str, *, ignore_case: bool = False) -> Pattern | None:
    """Translate a pattern of LIKE or ILIKE; None if it ends with a backslash, an error."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    if "\\" in parts:
        return None
    wild = {"%": ".*", "_": "."}
    text = "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
    regex = re.compile(rf"\A{text}\Z", _flags(ignore_case=ignore_case))
    return Pattern(regex, ignore_case=ignore_case)


def _flags(*, ignore_case: bool) -> int:
    return re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0)


def _in_python(found: re.Match[str]) -> str:
    if found[0].startswith("["):
        return re.sub(r"\[:(\w+):\]", lambda inner: _CLASSES[inner[1]], found[0])
    return _IN_PYTHON.get(found[0], found[0])
