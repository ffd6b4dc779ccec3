"""Finds columns that look personal or secret, by name and type, with the mask that fits each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from attrs import frozen

from replant.model import Column, RelationName, Table

#: Words of a column's name, whole or at its end, and the kind of mask; the first that fits counts.
_TEXTS = (
    (r"e_?mail(_?address)?", "email"),
    (r"(first|given|fore)_?name", "first-name"),
    (r"(last|family|sur)_?name", "last-name"),
    (r"(full|real)_?name", "name"),
    (r"(phone|mobile|fax|telephone)(_?(number|no))?", "phone"),
    (r"iban", "iban"),
    (r"card_?(number|no)", "card"),
    (r"street|address_?line_?\d?", "street"),
    (r"post_?code|postal_?code|zip(_?code)?", "postcode"),
    (r"ip(_?addr(ess)?)?", "ip"),
    (r"(password|passwd|pwd|secret|token|api_?key)(_?(hash|digest))?", "hash"),
)
_DATES = ((r"birth_?(day|date)|date_of_birth|dob|born", "date:30"),)
_ADDRESSES = ((r".*", "ip"),)

_RULES = {
    "text": _TEXTS,
    "character varying": _TEXTS,
    "character": _TEXTS,
    "citext": _TEXTS,
    "date": _DATES,
    "inet": _ADDRESSES,
}

#: How many characters a mask of the kind needs; the plugin refuses a shorter column.
_SHORTEST = {"email": 36, "hash": 32, "ip": 39}
_LENGTH = re.compile(r"\((\d+)\)")


@frozen
class PersonalColumn:
    """A column, and the kind of mask that fits it."""

    table: RelationName
    name: str
    kind: str


def personal_columns(tables: Iterable[Table]) -> Iterator[PersonalColumn]:
    """Yield the columns that look personal or secret, by table and in their order."""
    for table in sorted(tables, key=lambda table: table.name):
        for column in table.columns:
            kind = _kind(column)
            if kind is not None and column.writable:
                yield PersonalColumn(table.name, column.name, kind)


def _kind(column: Column) -> str | None:
    length = _LENGTH.search(column.type)
    # An extension's type has the name of its schema before its own.
    for words, kind in _RULES.get(column.base_type.rpartition(".")[2], ()):
        if re.fullmatch(rf"(.*_)?({words})", column.name.casefold()):
            fits = length is None or int(length[1]) >= _SHORTEST.get(kind, 0)
            return kind if fits else None
    return None
