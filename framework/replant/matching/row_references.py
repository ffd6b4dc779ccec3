"""Lists the references of an artifact's tables, and rewrites the values of rows that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import field, frozen

from replant.artifact.manifest import Manifest
from replant.model import RelationName, Text

#: What a tuple of values becomes, where it becomes another.
NewValues = Mapping[tuple[Text, ...], tuple[Text, ...]]

_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},"]+)')
_ESCAPED = re.compile(r"\\(.)")


@frozen
class RowReference:
    """Columns of a table that hold the values of columns of another, or its own.

    Attributes:
        elements: whether the one column is an array of such values.
        only: a column, and the value that it holds in the rows that reference by it at all.

    """

    columns: tuple[str, ...]
    references: RelationName
    referenced: tuple[str, ...]
    elements: bool = False
    only: tuple[str, str] | None = None


@frozen
class RowReferences:
    """The references of all tables of an artifact."""

    manifest: Manifest
    by_table: Mapping[RelationName, tuple[RowReference, ...]] = field(init=False)

    @by_table.default
    def _by_table(self) -> Mapping[RelationName, tuple[RowReference, ...]]:
        return {t.name: tuple(self._of_table(t.name)) for t in self.manifest.tables}

    def _of_table(self, name: RelationName) -> Iterator[RowReference]:
        table = self.manifest.table(name)
        exported = {column.name for column in table.columns}
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
                known.elements,
                known.only,
            )
            for known in self.manifest.references
            if known.table == name
        ]
        for reference in dict.fromkeys(found):
            needed = {*reference.columns, *(reference.only or ())[:1]}
            if needed <= exported:
                yield reference

    def referenced(self, name: RelationName) -> tuple[tuple[str, ...], ...]:
        """Return the columns of a table by which others reference it, its key among them."""
        found = [r.referenced for rs in self.by_table.values() for r in rs if r.references == name]
        return tuple(dict.fromkeys([self.manifest.table(name).key, *found]))


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
            changed[column] = _elements(row[column], known)
            continue
        new = known.get(tuple(row[column] for column in reference.columns))
        if new is not None:
            changed.update(zip(reference.columns, new, strict=True))
    return {**row, **changed} if changed else row


def _elements(text: Text, values: NewValues) -> Text:
    """Rewrite the elements of an array, as PostgreSQL writes it; NULL references nothing."""
    if text is None:
        return None

    def element(match: re.Match[str]) -> str:
        quoted, plain = match.groups()
        held = plain if quoted is None else _ESCAPED.sub(r"\1", quoted)
        new = None if plain == "NULL" else values.get((held,))
        if new is None or new[0] is None:
            return match[0]
        if quoted is None:
            return new[0]
        escaped = new[0].replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    return _ELEMENT.sub(element, text)
