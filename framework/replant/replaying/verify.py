"""The rows that a target holds, compared by content with those that an artifact holds.

First by fingerprint: one query per table, and no row travels. Where that differs, or where the
target cannot be asked for the same rows by conditions, row by row by key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

from attrs import field, frozen

from replant.artifact.manifest import ExportedTable
from replant.artifact.reading import Artifact
from replant.database.connections import Database
from replant.database.copying import copied_fields, copied_texts
from replant.model import (
    ChosenRows,
    PatchColumns,
    PlannedTable,
    Progress,
    RelationName,
    Selection,
    Text,
    readable,
)
from replant.rendering import queries
from replant.rendering.rows import line, row_hash, texts

#: How many differing rows of a table are named.
SHOWN = 10

Row = tuple[Text, ...]
Tables = Mapping[RelationName, PlannedTable]


class Kind(Enum):
    """How a row differs."""

    MISSING = "is missing in the target"
    CHANGED = "differs"
    ADDITIONAL = "is in the target only"


@frozen
class Difference:
    """A row that differs: by its key's texts, or by its whole line where there is no key."""

    kind: Kind
    key: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line."""
        where = f" in {', '.join(map(readable, self.columns))}" if self.columns else ""
        return f"{self.key} {self.kind.value}{where}"


@frozen
class TableResult:
    """What was found for one table.

    Attributes:
        exported: how many rows the artifact holds.
        found: how many of the rows that were asked for the target holds.
        differences: the first rows that differ.
        count: how many differ in all.

    """

    name: RelationName
    exported: int
    found: int
    differences: tuple[Difference, ...] = ()
    count: int = 0

    @property
    def equal(self) -> bool:
        """Whether the target's rows are those that were exported."""
        return self.count == 0


def compare(
    database: Database, artifact: Artifact, tables: Tables, progress: Progress
) -> tuple[TableResult, ...]:
    """Compare every table of the artifact with the target.

    Args:
        database: a reading connection to the target.
        artifact: what was exported.
        tables: the artifact's tables as the target has them.
        progress: told of each table, and the number of its rows.

    Raises:
        ArtifactError: the artifact is not what its manifest calls for.

    """
    results = []
    selection = {name: table.rows for name, table in tables.items()}
    for exported in artifact.manifest.tables:
        table = tables[exported.name]
        result = _by_fingerprint(database, selection, exported, table)
        if result is None:
            comparison = _Comparison(database, artifact, exported, table, selection)
            result = comparison.by_key() if table.key else comparison.by_content()
        progress(exported.name, exported.row_count, 0)
        results.append(result)
    return tuple(results)


def _by_fingerprint(
    database: Database, selection: Selection, exported: ExportedTable, table: PlannedTable
) -> TableResult | None:
    """The result if the fingerprints are equal; None if rows must be looked at."""
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
    """One table, row by row."""

    database: Database
    artifact: Artifact
    exported: ExportedTable
    table: PlannedTable
    selection: Selection
    shown: list[Difference] = field(factory=list)
    counts: Counter[Kind] = field(factory=Counter)

    def by_key(self) -> TableResult:
        """Ask the target for the artifact's keys, then for keys that the artifact has not."""
        seen: set[Row] = set()
        found = 0
        for columns, rows in self._parts():
            of_target = self._of_target(columns, rows)
            whole = len(columns) == len(self.table.columns) or self.table.name not in self._patched
            for key, values in rows.items():
                other = of_target.get(key)
                if whole:
                    seen.add(key)
                    found += other is not None
                self._compare(key, columns, values, other)
        if self.exported.rows is not None:
            found += self._additional(seen)
        return self._result(found)

    def by_content(self) -> TableResult:
        """Rows without a key: compare how often each content occurs."""
        wanted: Counter[int] = Counter()
        sample: dict[int, str] = {}
        for lines in self.artifact.rows(self.table.name):
            for text in lines:
                content = row_hash(_raw(text))
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
                    self._note(Kind.ADDITIONAL, text.decode())
        for content, number in wanted.items():
            for _ in range(number):
                self._note(Kind.MISSING, sample[content])
        return self._result(found)

    @property
    def _patched(self) -> dict[RelationName, tuple[str, ...]]:
        """Columns that the artifact holds apart from their rows."""
        steps = self.artifact.manifest.order.steps
        return {step.table: step.columns for step in steps if isinstance(step, PatchColumns)}

    def _parts(self) -> Iterator[tuple[tuple[str, ...], dict[Row, Row]]]:
        """Batches of the artifact's rows: columns, and their texts by key."""
        name = self.table.name
        patched = self._patched.get(name, ())
        for statement in self.artifact.statements():
            late = isinstance(statement.step, PatchColumns)
            for group in statement.groups:
                if group.frame.name != name:
                    continue
                held = group.frame.columns
                kept = tuple(c for c in held if late or c not in patched)
                for start in range(0, len(group.lines), 1000):
                    yield kept, dict(self._keyed(held, kept, group.lines[start : start + 1000]))

    def _keyed(
        self, held: tuple[str, ...], kept: tuple[str, ...], lines: Iterable[bytes]
    ) -> Iterator[tuple[Row, Row]]:
        for text in lines:
            values = dict(zip(held, texts(text), strict=True))
            yield tuple(values[c] for c in self.table.key), tuple(values[c] for c in kept)

    def _of_target(self, columns: tuple[str, ...], rows: Mapping[Row, Row]) -> dict[Row, Row]:
        query = queries.texts_by_key(self.table, columns, list(rows))
        width = len(self.table.key)
        return {tuple(row[:width]): tuple(row[width:]) for row in self.database.execute(query)}

    def _compare(self, key: Row, columns: tuple[str, ...], values: Row, other: Row | None) -> None:
        if other is None:
            self._note(Kind.MISSING, self._key_text(key))
        elif other != values:
            pairs = zip(columns, values, other, strict=True)
            differing = tuple(name for name, mine, theirs in pairs if mine != theirs)
            self._note(Kind.CHANGED, self._key_text(key), differing)

    def _additional(self, seen: set[Row]) -> int:
        """Note the target's chosen rows whose key the artifact has not; how many there are."""
        number = 0
        query = queries.key_texts(self.selection, self.table)
        for rows in copied_fields(self.database, query):
            for row in rows:
                key = tuple(None if value is None else value.decode() for value in row)
                if key not in seen:
                    number += 1
                    self._note(Kind.ADDITIONAL, self._key_text(key))
        return number

    def _target_lines(self) -> Iterator[list[bytes]]:
        selection = self.selection
        if self.exported.rows is None:
            selection = {**selection, self.table.name: ChosenRows(only=self.table.rows.only)}
        return copied_texts(self.database, queries.lines(selection, self.table))

    def _key_text(self, key: Row) -> str:
        pairs = zip(self.table.key, key, strict=True)
        return ", ".join(f"{readable(name)} = {_visible(value)}" for name, value in pairs)

    def _note(self, kind: Kind, key: str, columns: tuple[str, ...] = ()) -> None:
        self.counts[kind] += 1
        if len(self.shown) < SHOWN:
            self.shown.append(Difference(kind, key, columns))

    def _result(self, found: int) -> TableResult:
        return TableResult(
            self.table.name,
            self.exported.row_count,
            found,
            tuple(self.shown),
            self.counts.total(),
        )


def _raw(text: bytes) -> bytes:
    """The row's line as the server renders it, line breaks and all."""
    return line(texts(text))


def _visible(value: Text) -> str:
    if value is None:
        return "NULL"
    return value if value.isprintable() else repr(value)
