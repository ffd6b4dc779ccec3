"""Explains why rows are in an artifact, by its manifest and values alone; asks no database.

A row of a closed set came by references, along which there is a path from a root. A row of any
other table was chosen by a condition, or because of a row that it is linked to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing

from replant.artifact.artifact import Artifact
from replant.artifact.manifest import ExportedReference, ExportedTable, Manifest
from replant.errors import UsageError
from replant.explain.artifact_closure import ArtifactClosure, ClosureStep, joined_columns
from replant.explain.artifact_rows import ArtifactRows, ComparedColumn
from replant.explain.explanation import Explanation, ExportedRow, PathStep, RowKey, RowLeftOut
from replant.model import (
    ColumnIs,
    Link,
    LinkedTo,
    RelationName,
    Root,
    readable,
)
from replant.model.names import did_you_mean, nearest_name
from replant.model.numbers import counted
from replant.model.references import Only, Pair, Reference
from replant.sql.equalities import equalities

#: This many rows are explained, so that the answer fits on a screen or two.
MOST_ROWS = 10


def explain_in_artifact(artifact: Artifact, asked: Root) -> Explanation:
    """Explain the rows that satisfy `column = value`, or several of these joined by AND.

    Raises:
        UsageError: the condition is another, or names a column that is not there.
        ArtifactError: the artifact does not hold the rows that its manifest tells of.
        OutputError: there is no room for a temporary file.

    """
    manifest = artifact.manifest
    wanted = terms(asked)
    tables = {table.name: table for table in manifest.tables}
    if asked.table not in tables:
        return Explanation(asked, because=_left_out(manifest, asked.table))
    wanted = [(_column(tables[asked.table], name), text) for name, text in wanted]
    with closing(ArtifactRows(manifest.tables)) as rows:
        explainer = _ArtifactExplainer(artifact, rows)
        explainer.take(asked.table, [name for name, _ in wanted])
        matched, numbers = rows.matching(asked.table, wanted, MOST_ROWS)
        explainer.search(numbers)
        explanations = tuple(map(explainer.explained, numbers))
    because = (
        "the artifact holds no such row; to learn why, ask the source: run replant why with "
        "the configuration file or the options of the export"
    )
    return Explanation(asked, matched, explanations, None if explanations else because)


def terms(asked: Root) -> list[tuple[str, str]]:
    """Parse a condition into its columns, each with the text of its value.

    Raises:
        UsageError: it is not `column = value`, or several of these joined by AND.

    """
    text = asked.predicate
    found = equalities(text)
    if found is None:
        raise UsageError(
            f"an artifact is asked for column = value, or several of these joined by AND, and not "
            f"for {text!r}; ask the source, which understands any condition"
        )
    return found


def _column(table: ExportedTable, name: str) -> str:
    names = [column.name for column in table.columns]
    if name not in names:
        near = nearest_name(name, names)
        meant = "" if near is None else f"; did you mean {readable(near)}?"
        raise UsageError(f"{table.name} has no column {name!r} in the artifact{meant}")
    return name


def _left_out(manifest: Manifest, name: RelationName) -> str:
    for omission in manifest.omissions:
        if omission.what == str(name):
            return f"left out when the artifact was written: {omission.why}"
    meant = did_you_mean(name, (table.name for table in manifest.tables))
    return f"the artifact has no such table{meant}"


class _ArtifactExplainer:
    """Rows of an artifact, taken from it as far as they are needed."""

    def __init__(self, artifact: Artifact, rows: ArtifactRows) -> None:
        self._artifact = artifact
        self._manifest = artifact.manifest
        self._rows = rows
        self._tables = {table.name: table for table in self._manifest.tables}
        self._closure: ArtifactClosure | None = None
        self._wanted: defaultdict[RelationName, set[ComparedColumn]] = defaultdict(set)
        for name, columns in joined_columns(self._manifest, rows).items():
            self._wanted[name] |= columns
        for table in self._manifest.tables:
            for link in _links(table):
                self._wanted[table.name] |= {rows.compared(table.name, c) for c in link.columns}
                others = {rows.compared(link.other, c) for c in link.other_columns}
                self._wanted[link.other] |= others
        self._taken: set[RelationName] = set()

    def take(self, name: RelationName, columns: Sequence[str] = ()) -> None:
        """Have the rows of a table at hand."""
        if name not in self._taken:
            self._taken.add(name)
            compared = {self._rows.compared(name, column) for column in columns}
            self._rows.take(self._artifact, name, self._wanted[name] | compared)

    def search(self, numbers: Sequence[int]) -> None:
        """Find the paths to rows of the closed set, if they are such."""
        if self._manifest.roots and any(self._is_in_closure(number) for number in numbers):
            for name in (*self._wanted, *(root.table for root in self._manifest.roots)):
                self.take(name)
            self._closure = ArtifactClosure(self._manifest, self._rows)
            self._closure.search(numbers)

    def explained(self, number: int) -> ExportedRow | RowLeftOut:
        """Explain why a row is in the artifact."""
        path = self._closure.path(number) if self._closure and self._is_in_closure(number) else None
        if path is None:
            return self._by_conditions(number)
        (begin, start), *others = path
        steps = tuple(self._step(step, reached) for step, reached in others)
        root = self._manifest.roots[-1 - begin.edge]
        if not self._is_in_closure(start):
            before = self._by_conditions(start)
            return ExportedRow(before.start, before.because, (*before.steps, *steps))
        because = f"root {root.table}: {root.condition}"
        if root.keys is None and root.row_count < self._tables[root.table].row_count:
            rows = counted(root.row_count, "row")
            because = f"{because}; which {rows} of the table these are, the artifact does not list"
        return ExportedRow(self._rows.key(start), because, steps)

    def _is_in_closure(self, number: int) -> bool:
        """Return whether a closed set, and not a condition, decided the rows of its table."""
        table = self._tables[self._rows.table_of(number)]
        return table.rows is None and bool(self._manifest.roots)

    def _by_conditions(self, number: int) -> ExportedRow:
        """Explain a row that was chosen by conditions; its first link leads on."""
        table = self._tables[self._rows.table_of(number)]
        row = self._rows.key(number)
        for link in _links(table):
            self.take(link.other)
            other = self._rows.linked(number, link)
            if other is not None:
                before = self._by_conditions(other)
                step = self._link_step(table.name, link, row)
                return ExportedRow(before.start, before.because, (*before.steps, step))
        return ExportedRow(row, self._reason(table))

    def _reason(self, table: ExportedTable) -> str:
        if table.rows is None:
            for root in self._manifest.roots:
                if root.table == table.name and root.row_count == table.row_count:
                    return f"all these rows were chosen: {root.condition}"
            if self._manifest.roots:
                return (
                    "it is in the artifact, but no path to it was found by the values in it; ask "
                    "the source"
                )
            return "it was chosen by a condition in SQL, which the artifact does not hold"
        found = [
            f"its {readable(condition.column)} is the scope's: {condition.value}"
            for condition in table.rows
            if isinstance(condition, ColumnIs)
        ]
        return "; ".join(found) or f"all rows of {table.name} were exported"

    def _link_step(self, name: RelationName, link: Link, row: RowKey) -> PathStep:
        """Make the step over a link, whose referenced table is the one that is loaded first."""
        loaded = self._manifest.order.loaded_tables
        down = loaded.index(link.other) <= loaded.index(name)
        child, parent = (name, link.other) if down else (link.other, name)
        pairs = [
            (a, b) if down else (b, a)
            for a, b in zip(link.columns, link.other_columns, strict=True)
        ]
        reference = Reference(child, "", parent, tuple(Pair(a, b) for a, b in pairs))
        return PathStep(reference, down, row)

    def _step(self, step: ClosureStep, number: int) -> PathStep:
        reference = self._manifest.references[step.edge]
        return PathStep(_as_reference(reference), step.down, self._rows.key(number))


def _links(table: ExportedTable) -> Iterator[Link]:
    for condition in table.rows or ():
        if isinstance(condition, LinkedTo):
            yield from condition.links


def _as_reference(reference: ExportedReference) -> Reference:
    pairs = zip(reference.columns, reference.referenced_columns, strict=True)
    return Reference(
        table=reference.table,
        name=reference.name,
        references=reference.references,
        pairs=tuple(Pair(own, other) for own, other in pairs),
        elements=reference.elements,
        only=Only(*reference.only) if reference.only else None,
    )
