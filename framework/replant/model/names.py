"""Names of relations, as values and as people write them."""

from __future__ import annotations

import re

from attrs import frozen

_PART = r'(?:"(?:[^"]|"")+"|[^".\s]+)'
_RELATION = re.compile(rf"({_PART})\.({_PART})")
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


@frozen(order=True)
class RelationName:
    """A table's schema and name, as `pg_namespace` and `pg_class` hold them (not folded)."""

    schema: str
    name: str

    def __str__(self) -> str:
        """The name as a person would write it in SQL, quoted only where it must be."""
        return f"{readable(self.schema)}.{readable(self.name)}"

    @classmethod
    def parse(cls, text: str) -> RelationName:
        """Read `schema.table` or `"Sche.ma"."Ta ""ble"`.

        An unquoted part is taken as it stands: nothing is folded to lower case, since a name in a
        configuration file is a name, not an SQL token.

        Raises:
            ValueError: the text is not two parts joined by a dot.

        """
        match = _RELATION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not schema.table (quote a part with double quotes)")
        return cls(*(_unquoted(part) for part in match.groups()))


def readable(identifier: str) -> str:
    """An identifier for messages: quoted unless plain, and always on one line.

    Control characters are written as Python escapes, so a name cannot move a terminal's cursor
    or start a line of its own.
    """
    if _PLAIN.fullmatch(identifier):
        return identifier
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in identifier)
    return '"' + shown.replace('"', '""') + '"'


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part
