"""Lists the references of an artifact's tables, and rewrites the values of rows that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve, field, frozen

from replant.artifact.manifest import Manifest
from replant.model import RelationName, Text
from replant.model.types import without_modifier

#: What a tuple of values becomes, where it becomes another; the old ones as `compared` has them.
NewValues = Mapping[tuple[Text, ...], tuple[Text, ...]]

_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},"]+)')
_ESCAPED = re.compile(r"\\(.)")
#: What stands in quotes in an array, as do an empty text and the word NULL.
_QUOTED = re.compile(r'[{}",\\ \t\n\r\v\f]')


@frozen
class RowReference:
    """Columns of a table that hold the values of columns of another, or its own.

    Attributes:
        types: those of the columns.
        elements: whether the one column is an array of such values.
        only: a column, and the value that it holds in the rows that reference by it at all.

    """

    columns: tuple[str, ...]
    references: RelationName
    referenced: tuple[str, ...]
    types: tuple[str, ...] = ()
    elements: bool = False
    only: tuple[str, str] | None = None


@frozen
class RowReferences:
    """The references of all tables of an artifact."""

    manifest: Manifest
    by_table: Mapping[RelationName, tuple[RowReference, ...]] = field(init=False)

    @by_table.default
    def _by_table(self) -> Mapping[RelationName, tuple[RowReference, ...]]:
        direct = {t.name: tuple(self._of_table(t.name)) for t in self.manifest.tables}
        return {name: _with_implied(references, direct) for name, references in direct.items()}

    def _of_table(self, name: RelationName) -> Iterator[RowReference]:
        table = self.manifest.table(name)
        exported = {column.name: column.type for column in table.columns}
        keys = table.shape.keys
        found = [
            RowReference(key.columns, key.references, key.referenced_columns)
            for key in sorted(keys.foreign if keys else ())
        ]
        found += [
            RowReference(
                known.columns,
                known.references,
                known.referenced_columns,
                elements=known.elements,
                only=known.only,
            )
            for known in self.manifest.references
            if known.table == name
        ]
        for reference in dict.fromkeys(found):
            needed = {*reference.columns, *(reference.only or ())[:1]}
            if needed <= exported.keys():
                types = tuple(exported[column] for column in reference.columns)
                yield evolve(reference, types=types)

    def itself(self, name: RelationName, key: tuple[str, ...]) -> RowReference:
        """Return columns of a table as a reference to its own rows."""
        types = {column.name: column.type for column in self.manifest.table(name).columns}
        return RowReference(key, name, key, tuple(types[column] for column in key))

    def referenced(self, name: RelationName) -> tuple[tuple[str, ...], ...]:
        """Return the columns of a table by which others reference it, its key among them."""
        found = [r.referenced for rs in self.by_table.values() for r in rs if r.references == name]
        return tuple(dict.fromkeys([self.manifest.table(name).key, *found]))


def _with_implied(
    references: Iterable[RowReference], direct: Mapping[RelationName, Sequence[RowReference]]
) -> tuple[RowReference, ...]:
    """Add references to rows whose own key references others: their values are in it as well."""
    found = dict.fromkeys(references)
    left = list(found)
    while left:
        reference = left.pop()
        for further in direct.get(reference.references, ()):
            implied = _implied(reference, further)
            if implied is not None and implied not in found:
                found[implied] = None
                left.append(implied)
    return tuple(found)


def _implied(reference: RowReference, further: RowReference) -> RowReference | None:
    if further.elements or further.only or not {*further.columns} <= {*reference.referenced}:
        return None
    places = [reference.referenced.index(column) for column in further.columns]
    return evolve(
        reference,
        columns=tuple(reference.columns[place] for place in places),
        types=tuple(reference.types[place] for place in places),
        references=further.references,
        referenced=further.referenced,
    )


def compared(texts: Iterable[Text], types: Iterable[str]) -> tuple[Text, ...]:
    """Return values of which those of equal ones are the same texts, as far as a type has several.

    A numeric 1.0 is 1, and a character is the same without the blanks behind it.
    """
    return tuple(map(_compared, texts, types))


def _compared(text: Text, type_: str) -> Text:
    if text is None:
        return None
    name = without_modifier(type_).removesuffix("[]")
    if name == "numeric" and "." in text:
        return text.rstrip("0").rstrip(".")
    return text.rstrip(" ") if name in {"character", "bpchar"} else text


def rewritten(
    row: dict[str, Text], references: tuple[RowReference, ...], values: Mapping[object, NewValues]
) -> dict[str, Text]:
    """Return a row that references the rows that were met.

    Args:
        row: the texts by column.
        references: those of its table.
        values: the new values, by table and referenced columns.

    """
    changed: dict[str, Text] = {}
    for reference in references:
        known = values.get((reference.references, reference.referenced))
        if not known or (reference.only and row[reference.only[0]] != reference.only[1]):
            continue
        if reference.elements:
            (column,) = reference.columns
            changed[column] = _elements(row[column], known, reference.types)
            continue
        held = (row[column] for column in reference.columns)
        new = known.get(compared(held, reference.types))
        if new is not None:
            changed.update(zip(reference.columns, new, strict=True))
    return {**row, **changed} if changed else row


def _elements(text: Text, values: NewValues, types: Iterable[str]) -> Text:
    """Rewrite the elements of an array, as PostgreSQL writes it; NULL references nothing."""
    if text is None:
        return None

    def element(match: re.Match[str]) -> str:
        quoted, plain = match.groups()
        held = plain if quoted is None else _ESCAPED.sub(r"\1", quoted)
        new = None if plain == "NULL" else values.get(compared([held], types))
        if new is None or new[0] is None:
            return match[0]
        if not _QUOTED.search(new[0]) and new[0] and new[0].upper() != "NULL":
            return new[0]
        escaped = new[0].replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    return _ELEMENT.sub(element, text)
