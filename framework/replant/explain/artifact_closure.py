"""Searches the closed set of an artifact again from its roots, for the step that found each row.

The rules are those of the search in the source: rows that are referenced are included; those that
reference do so as each reference says; and of two ways to a row the shorter one counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from attrs import frozen

from replant.artifact.manifest import ExportedReference, Manifest
from replant.explain.artifact_rows import ArtifactRows, ComparedColumn
from replant.explain.comparable_text import TextKind
from replant.explain.sampled_rows import SampledKeys
from replant.model import LoadTable, RelationName, Text
from replant.model.closure_rules import Children

# As in the source: a row that was found because another references it is upgraded when it is found
# to reference one itself, since then rows that reference it may be included.
_SCHEMA = (
    "CREATE TABLE found (id INTEGER PRIMARY KEY, round, edge, down, source)",
    "CREATE INDEX found_by_round ON found (round)",
    "CREATE TABLE upgraded (id INTEGER PRIMARY KEY, round, edge, source)",
    "CREATE INDEX upgraded_by_round ON upgraded (round)",
    "CREATE TABLE step (id INTEGER PRIMARY KEY, source)",
)

_FOUND = "SELECT id FROM found WHERE round = :round AND id BETWEEN :low AND :high"
_FOUND_DOWNWARD = (
    f"{_FOUND} AND down UNION ALL "
    "SELECT id FROM upgraded WHERE round = :round AND id BETWEEN :low AND :high"
)


@frozen
class ClosureStep:
    """How a row came.

    Attributes:
        edge: the place of a reference in the manifest; of a root, counted from -1 downward.
        source: the row that led to it; None for a root.

    """

    edge: int
    down: bool
    source: int | None


class ArtifactClosure:
    """The rows that were found so far."""

    def __init__(self, manifest: Manifest, rows: ArtifactRows) -> None:
        self._manifest = manifest
        self._rows = rows
        self._tables = {table.name: table for table in manifest.tables}
        self._references = sorted(
            enumerate(manifest.references), key=lambda item: (item[1].table, item[1].name)
        )
        for statement in _SCHEMA:
            rows.execute(statement)

    def search(self, wanted: Collection[int]) -> None:
        """Search from the roots until these rows are found, or no more are."""
        self._prepare()
        for place, root in enumerate(self._manifest.roots):
            self._begin(root.table, root.keys, -1 - place)
        round_ = 0
        while not all(self._is_found(number) for number in wanted):
            found = 0
            for edge, reference in self._references:
                if reference.down is not None and reference.down is not Children.STOP:
                    found += self._follow(round_, edge, reference, down=True)
            for edge, reference in self._references:
                if reference.up:
                    found += self._follow(round_, edge, reference, down=False)
            if not found:
                return
            round_ += 1

    def path(self, number: int) -> list[tuple[ClosureStep, int]] | None:
        """Return the steps that lead to a row, each with its row; the first is that of a root.

        None if the row was not found.
        """
        if not self._is_found(number):
            return None
        back = []
        step = self._found_by(number)
        back.append((step, number))
        while step.source is not None:
            number = step.source
            needs_downward = step.down and (
                self._manifest.references[step.edge].down is Children.FROM_ROOTS
            )
            step = self._reached_downward_by(number) if needs_downward else self._found_by(number)
            back.append((step, number))
        return back[::-1]

    # -- growing ---------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Make the indexes, and the tables of array elements."""
        for edge, reference in self._references:
            table, (own, others) = reference.table, ends(self._rows, reference)
            columns = [self._rows.column(reference.references, each) for each in others]
            self._rows.index(reference.references, columns)
            if reference.elements:
                kind = _element_kind(self._manifest, reference)
                self._rows.take_elements(table, reference.columns[0], kind, f"e{edge}")
            else:
                self._rows.index(table, [self._rows.column(table, each) for each in own])

    def _begin(
        self, table: RelationName, keys: tuple[tuple[str, ...], ...] | None, edge: int
    ) -> None:
        """Take the rows of a root; all rows of its table where they are not listed."""
        add = (
            f"INSERT OR IGNORE INTO found SELECT id, 0, {edge}, 1, NULL "
            f"FROM {self._rows.table(table)}"
        )
        if keys is None:
            self._rows.execute(add)
            return
        (held,) = (t for t in self._manifest.tables if t.name == table)
        shown = [self._rows.shown(table, column) for column in held.key]
        self._rows.index(table, shown)
        same = " AND ".join(f"{column} = ?" for column in shown)
        for key in keys:
            self._rows.execute(f"{add} WHERE {same}", key)

    def _follow(self, round_: int, edge: int, reference: ExportedReference, *, down: bool) -> int:
        """Follow a reference from the rows of a round; how many rows that are new it adds."""
        start = reference.references if down else reference.table
        low, high = self._rows.bounds(start)
        only_downward = down and reference.down is Children.FROM_ROOTS
        frontier = _FOUND_DOWNWARD if only_downward else _FOUND
        self._rows.execute("DELETE FROM step")
        near, far = ("parent", "child") if down else ("child", "parent")
        pairs = (
            f"SELECT {far}.id AS id, {near}.id AS source FROM ({frontier}) AS new "
            f"CROSS JOIN {self._joined(edge, reference, near)}"
        )
        sampled = SampledKeys.of(self._tables[reference.table], reference) if down else None
        if sampled is not None:
            pairs = self._sampled(reference, sampled, pairs)
        if down and reference.limit is not None and self._is_in_key_order(reference.table):
            pairs = _first_of_each(pairs, "id", reference.limit)
        # WHERE keeps SQLite from taking ON for that of a join.
        self._rows.execute(
            f"INSERT INTO step SELECT id, min(source) FROM ({pairs}) WHERE true GROUP BY id",
            {"round": round_, "low": low, "high": high, **self._only(reference)},
        )
        values = {"next": round_ + 1, "edge": edge}
        added = 0
        if down:
            added += self._rows.changed(
                "INSERT OR IGNORE INTO upgraded SELECT step.id, :next, :edge, step.source "
                "FROM step JOIN found ON found.id = step.id WHERE NOT found.down",
                values,
            )
        added += self._rows.changed(
            f"INSERT OR IGNORE INTO found SELECT id, :next, :edge, {int(down)}, source FROM step",
            values,
        )
        return added

    def _sampled(self, reference: ExportedReference, sampled: SampledKeys, pairs: str) -> str:
        """Compose those of the pairs of rows whose referencing row is in the sample."""
        rows, name = self._rows, reference.table
        held = self._tables[name]
        rows.define("hashed", len(held.key), sampled.hashed)
        key = ", ".join(rows.shown(name, column) for column in held.key)
        pairs = (
            f"SELECT step.id AS id, source, hashed({key}) AS hash FROM ({pairs}) AS step "
            f"JOIN {rows.table(name)} AS held ON held.id = step.id"
        )
        if sampled.sample.count is not None:
            return _first_of_each(pairs, "hash", sampled.sample.count)
        return f"SELECT id, source FROM ({pairs}) WHERE hash < x'{sampled.bound.hex()}'"

    def _joined(self, edge: int, reference: ExportedReference, near: str) -> str:
        """Compose the join that begins with the new rows; SQLite keeps the order of CROSS JOIN."""
        rows, table, references = self._rows, reference.table, reference.references
        compared = ends(rows, reference)
        own = [f"child.{rows.column(table, each)}" for each in compared[0]]
        others = [f"parent.{rows.column(references, each)}" for each in compared[1]]
        sources = {
            "child": f"{rows.table(table)} AS child",
            "parent": f"{rows.table(references)} AS parent",
        }
        first = f"{sources.pop(near)} ON {near}.id = new.id"
        ((far, last),) = sources.items()
        terms = [f"{a} = {b}" for a, b in zip(own, others, strict=True)]
        if reference.elements:
            by = {"child": "element.id = child.id", "parent": f"element.value = {others[0]}"}
            first += f" CROSS JOIN e{edge} AS element ON {by[near]}"
            terms = [by[far]]
        if reference.only is not None:
            only = rows.compared(table, reference.only[0])
            terms.append(f"child.{rows.column(table, only)} = :only")
        return f"{first} CROSS JOIN {last} ON {' AND '.join(terms)}"

    def _only(self, reference: ExportedReference) -> dict[str, Text]:
        if reference.only is None:
            return {}
        column, value = reference.only
        _, kind = self._rows.compared(reference.table, column)
        return {"only": kind.of(value)}

    def _is_in_key_order(self, name: RelationName) -> bool:
        """Return whether a table's rows are stored in key order, and not by depth."""
        held = next(table for table in self._manifest.tables if table.name == name)
        deep = any(
            isinstance(step, LoadTable) and step.table == name and step.by_depth is not None
            for step in self._manifest.order.steps
        )
        return bool(held.key) and not deep

    # -- afterwards ------------------------------------------------------------------------------

    def _is_found(self, number: int) -> bool:
        return bool(self._rows.execute("SELECT 1 FROM found WHERE id = ?", (number,)))

    def _found_by(self, number: int) -> ClosureStep:
        query = "SELECT edge, down, source FROM found WHERE id = ?"
        ((edge, down, source),) = self._rows.execute(query, (number,))
        return ClosureStep(edge, bool(down), source)

    def _reached_downward_by(self, number: int) -> ClosureStep:
        """Return the step by which a row was first found to reference a row of the set."""
        query = "SELECT edge, source FROM upgraded WHERE id = ?"
        for edge, source in self._rows.execute(query, (number,)):
            return ClosureStep(edge, down=True, source=source)
        return self._found_by(number)


def _first_of_each(pairs: str, order: str, count: int) -> str:
    """Compose the first so many rows for each row that led to them."""
    return (
        "SELECT id, source FROM (SELECT id, source, row_number() OVER "
        f"(PARTITION BY source ORDER BY {order}) AS place FROM ({pairs})) "
        f"WHERE place <= {count:d}"
    )


def ends(
    rows: ArtifactRows, reference: ExportedReference
) -> tuple[tuple[ComparedColumn, ...], tuple[ComparedColumn, ...]]:
    """Return how both sides of a reference are compared; an array is compared as it is."""
    casts = reference.casts or ((None, None),) * len(reference.columns)
    own = tuple(
        (c, TextKind.EXACT) if reference.elements else rows.compared(reference.table, c, cast)
        for c, (cast, _) in zip(reference.columns, casts, strict=True)
    )
    others = tuple(
        rows.compared(reference.references, c, cast)
        for c, (_, cast) in zip(reference.referenced_columns, casts, strict=True)
    )
    return own, others


def _element_kind(manifest: Manifest, reference: ExportedReference) -> TextKind:
    (column,) = reference.columns
    table = next(table for table in manifest.tables if table.name == reference.table)
    type_ = next(c.type for c in table.columns if c.name == column).removesuffix("[]")
    return TextKind.of_type(type_, reference.casts[0][0] if reference.casts else None)


def joined_columns(
    manifest: Manifest, rows: ArtifactRows
) -> dict[RelationName, set[ComparedColumn]]:
    """Return the columns of each table by which references join its rows."""
    columns: defaultdict[RelationName, set[ComparedColumn]] = defaultdict(set)
    for reference in manifest.references:
        own, others = ends(rows, reference)
        columns[reference.table].update(own)
        columns[reference.references].update(others)
        if reference.only is not None:
            columns[reference.table].add(rows.compared(reference.table, reference.only[0]))
    return dict(columns)
