"""Compares the rows of a target with those of an artifact, by content.

Fingerprints are compared first: one query per table, and no row leaves the server. Where they
differ, or where conditions cannot select the same rows in the target, rows are compared by key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from attrs import evolve, field, frozen

from replant.artifact.artifact import Artifact
from replant.artifact.manifest import ExportedTable
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_fields, copied_texts
from replant.model import (
    ChosenRows,
    PlannedTable,
    Progress,
    RelationName,
    Selection,
    Text,
    readable,
)
from replant.model.conditions import queryable
from replant.sql import row_queries as queries
from replant.sql.row_text import line, on_one_line, row_hash, texts

#: How many differing rows of a table are shown, so that a message stays readable.
SHOWN = 10

#: Of a long value this many characters are shown, beginning so many before the difference.
_LONGEST, _CONTEXT = 60, 20

Row = tuple[Text, ...]
Tables = Mapping[RelationName, PlannedTable]


class RowDifferenceKind(Enum):
    """How a row differs."""

    MISSING = "is missing in the target"
    CHANGED = "holds other values"
    ADDITIONAL = "is in the target only"


@frozen
class ValueDifference:
    """A value that differs, as the texts of its type's output function; None for NULL."""

    column: str
    exported: Text
    found: Text

    def __str__(self) -> str:
        """For people: both texts, from where they begin to differ if they are long."""
        mine, theirs = _visible(self.exported), _visible(self.found)
        pairs = enumerate(zip(mine, theirs, strict=False))
        differ = (place for place, (one, other) in pairs if one != other)
        start = max(0, next(differ, min(len(mine), len(theirs))) - _CONTEXT)
        return (
            f"{readable(self.column)} is {_shortened(theirs, start)}, exported was "
            f"{_shortened(mine, start)}"
        )


@frozen
class RowDifference:
    """A row that differs: by its key's texts, or by its whole line where there is no key."""

    kind: RowDifferenceKind
    key: str
    values: tuple[ValueDifference, ...] = ()

    def __str__(self) -> str:
        """One line."""
        if self.kind is not RowDifferenceKind.CHANGED:
            return f"{self.key} {self.kind.value}"
        return f"{self.key}: {'; '.join(map(str, self.values))}"


@frozen
class TableResult:
    """The result of the comparison of one table.

    Attributes:
        exported: how many rows the artifact holds.
        found: how many of the selected rows the target holds.
        differences: the first rows that differ.
        count: how many rows differ in all.
        unseen: what would let the role see the rows, if it cannot; nothing was compared then.

    """

    name: RelationName
    exported: int
    found: int
    differences: tuple[RowDifference, ...] = ()
    count: int = 0
    unseen: str = ""

    @property
    def equal(self) -> bool:
        """Whether the target's rows are known to be those that were exported."""
        return self.count == 0 and not self.unseen


def compare_tables(
    database: DatabaseConnection,
    artifact: Artifact,
    tables: Tables,
    unseen: Mapping[RelationName, str],
    progress: Progress,
) -> tuple[TableResult, ...]:
    """Compare every table of the artifact with the target.

    Args:
        database: a reading connection to the target.
        artifact: what was exported.
        tables: the artifact's tables as the target has them.
        unseen: those whose rows the role may not see, each with what would let it. Rows that are
            selected through such a table are looked up by their keys.
        progress: told of each table, and the number of its rows.

    Raises:
        ArtifactError: the artifact is not what its manifest calls for.

    """
    results = []
    selection = {name: table.rows for name, table in tables.items()}
    conditions = {table.name: table.rows or () for table in artifact.manifest.tables}
    by_conditions = queryable(conditions, unseen)
    for of_manifest in artifact.manifest.tables:
        name = of_manifest.name
        if name in unseen:
            results.append(TableResult(name, of_manifest.row_count, 0, unseen=unseen[name]))
            continue
        exported = of_manifest if name in by_conditions else evolve(of_manifest, rows=None)
        table = tables[name]
        result = _by_fingerprint(database, selection, exported, table)
        if result is None:
            comparison = _Comparison(database, artifact, exported, table, selection)
            result = comparison.by_key() if table.key else comparison.by_content()
        progress(exported.name, exported.row_count, 0)
        results.append(result)
    return tuple(results)


def _by_fingerprint(
    database: DatabaseConnection, selection: Selection, exported: ExportedTable, table: PlannedTable
) -> TableResult | None:
    """Compare the fingerprints; return None if they differ, so that rows have to be compared."""
    if exported.rows is None:
        return None
    found = database.execute(queries.fingerprint(selection, table)).fetchone()
    assert found is not None
    count, total = found
    if count != exported.row_count or int(total or 0) % 2**64 != int(exported.fingerprint, 16):
        return None
    return TableResult(exported.name, exported.row_count, count)


@frozen
class _Comparison:
    """Compares one table row by row."""

    database: DatabaseConnection
    artifact: Artifact
    exported: ExportedTable
    table: PlannedTable
    selection: Selection
    shown: list[RowDifference] = field(factory=list)
    counts: Counter[RowDifferenceKind] = field(factory=Counter)

    def by_key(self) -> TableResult:
        """Ask the target for the artifact's keys, then for keys that the artifact has not."""
        seen: set[Row] = set()
        name = self.table.name
        apart = self.artifact.stored_separately.get(name, ())
        held = self.table.column_names
        kept = tuple(column for column in held if column not in apart)
        for lines in self.artifact.rows(name):
            self._compare_all(held, kept, lines, seen)
        for lines in self.artifact.patches(name):
            held = self.table.key + apart
            self._compare_all(held, apart, lines, None)
        found = len(seen)
        if self.exported.rows is not None:
            found += self._additional(seen)
        return self._result(found)

    def by_content(self) -> TableResult:
        """Compare how often each content occurs, for a table without a key."""
        wanted: Counter[int] = Counter()
        sample: dict[int, str] = {}
        for lines in self.artifact.rows(self.table.name):
            for text in lines:
                content = row_hash(line(texts(text)))
                wanted[content] += 1
                sample.setdefault(content, text.decode())
        found = 0
        for lines in self._target_lines():
            for text in lines:
                content = row_hash(text)
                if wanted[content] > 0:
                    wanted[content] -= 1
                    found += 1
                elif self.exported.rows is not None:
                    found += 1
                    self._note(RowDifferenceKind.ADDITIONAL, on_one_line(text).decode())
        for content, number in wanted.items():
            for _ in range(number):
                self._note(RowDifferenceKind.MISSING, sample[content])
        return self._result(found)

    def _compare_all(
        self,
        held: tuple[str, ...],
        kept: tuple[str, ...],
        lines: list[bytes],
        seen: set[Row] | None,
    ) -> None:
        """Compare the `kept` columns of rows whose lines hold `held`.

        The keys that were found are added to `seen`. It is None for columns that stand apart from
        their rows: rows that are missing were missed when the rows themselves were looked for.
        """
        rows = [dict(zip(held, texts(text), strict=True)) for text in lines]
        keys = [tuple(row[name] for name in self.table.key) for row in rows]
        query = queries.texts_by_key(self.table, kept, keys)
        width = len(self.table.key)
        of_target = {place: rest for place, *rest in self.database.execute(query)}
        for place, (key, row) in enumerate(zip(keys, rows, strict=True)):
            if place not in of_target:
                if seen is not None:
                    self._note(RowDifferenceKind.MISSING, self._key_text(key))
                continue
            if seen is not None:
                # A key may be equal in the target and have another text there.
                seen.add(tuple(of_target[place][:width]))
            self._compare(key, kept, row, of_target[place][width:])

    def _compare(
        self, key: Row, names: tuple[str, ...], row: Mapping[str, Text], found: Sequence[Text]
    ) -> None:
        differing = tuple(
            ValueDifference(name, row[name], other)
            for name, other in zip(names, found, strict=True)
            if row[name] != other
        )
        if differing:
            self._note(RowDifferenceKind.CHANGED, self._key_text(key), differing)

    def _additional(self, seen: set[Row]) -> int:
        """Note the target's chosen rows whose key the artifact has not; how many there are."""
        number = 0
        query = queries.key_texts(self.selection, self.table)
        for rows in copied_fields(self.database, query):
            for row in rows:
                key = tuple(None if value is None else value.decode() for value in row)
                if key not in seen:
                    number += 1
                    self._note(RowDifferenceKind.ADDITIONAL, self._key_text(key))
        return number

    def _target_lines(self) -> Iterator[list[bytes]]:
        selection = self.selection
        if self.exported.rows is None:
            rows = ChosenRows(only=self.table.rows.only)
            selection = {**selection, self.table.name: rows}
        return copied_texts(self.database, queries.lines(selection, self.table))

    def _key_text(self, key: Row) -> str:
        pairs = zip(self.table.key, key, strict=True)
        return ", ".join(f"{readable(name)} = {_visible(value)}" for name, value in pairs)

    def _note(
        self, kind: RowDifferenceKind, key: str, values: tuple[ValueDifference, ...] = ()
    ) -> None:
        self.counts[kind] += 1
        if len(self.shown) < SHOWN:
            self.shown.append(RowDifference(kind, key, values))

    def _result(self, found: int) -> TableResult:
        return TableResult(
            self.table.name,
            self.exported.row_count,
            found,
            tuple(self.shown),
            self.counts.total(),
        )


def _visible(value: Text) -> str:
    if value is None:
        return "NULL"
    return value if value.isprintable() else repr(value)


def _shortened(text: str, start: int) -> str:
    shown = text[start : start + _LONGEST]
    before = "…" if start else ""
    after = "…" if len(text) > start + _LONGEST else ""
    return f"{before}{shown}{after}"
