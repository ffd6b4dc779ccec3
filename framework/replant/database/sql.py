"""Composes SQL as `psycopg.sql` does, and writes each part as text as soon as it is composed.

psycopg keeps a tree of parts until a statement is sent. Of thousands of tables, to make such trees
and to walk them takes a fifth of the time of an export. Names and values are quoted by psycopg here
too; its own parts may be mixed with these.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NoReturn

from psycopg import sql
from psycopg.sql import Composable

__all__ = ["SQL", "Composable", "Composed", "Identifier", "Literal"]

#: So many quoted names are kept: the same ones are needed again and again.
_KEPT = 4096


class _Text(sql.SQL):
    def __init__(self, text: str) -> None:
        """Take a text as it is."""
        self._obj = text

    def __add__(self, other: Composable) -> Composed:  # type: ignore[override]
        """Return both, one after the other."""
        return Composed(self._obj + _text(other))

    def join(self, seq: Iterable[object]) -> Composed:  # type: ignore[override]
        """Put this between the parts; what is no part of SQL becomes a literal."""
        return Composed(self._obj.join(map(_text, seq)))


class Composed(_Text):
    """SQL that was composed."""

    def format(self, *_: object, **__: object) -> NoReturn:
        """Refuse: it may hold braces that are part of a name or a value."""
        raise TypeError("composed SQL is no template")


class SQL(_Text):
    """A template, or a snippet of SQL; see `psycopg.sql.SQL`."""

    def format(self, *args: object, **named: object) -> Composed:  # type: ignore[override]
        """Put parts into the places of a template; what is no part of SQL becomes a literal."""
        places = {name: _text(part) for name, part in named.items()}
        return Composed(self._obj.format(*map(_text, args), **places))


class Identifier(Composed):
    """A name in quotes, or several with dots between them."""

    def __init__(self, *names: str) -> None:
        """Quote the names."""
        super().__init__(_quoted(names))


class Literal(Composed):
    """A value as a literal."""

    def __init__(self, value: Any) -> None:
        """Write the value as psycopg does for its type."""
        super().__init__(sql.Literal(value).as_string())


_OWN = {Composed, SQL, Identifier, Literal}


@lru_cache(_KEPT)
def _quoted(names: tuple[str, ...]) -> str:
    return sql.Identifier(*names).as_string()


def _text(part: Any) -> str:
    if type(part) in _OWN:
        text: str = part._obj
        return text
    return (part if isinstance(part, Composable) else sql.Literal(part)).as_string()
