"""Finds the rows of an artifact that a target has under another key, by a unique key of theirs.

Two databases may number the same countries differently. Their codes tell which is which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import islice

from attrs import evolve, field, frozen

from replant.artifact.artifact import Artifact, row_texts
from replant.database.connections import DatabaseConnection
from replant.database.session_settings import exact_names
from replant.errors import UsageError
from replant.matching.row_references import NewValues, RowReferences, compared, rewritten
from replant.model import Catalog, Column, PlannedTable, RelationName, Text, readable
from replant.model.match import Match
from replant.model.types import without_modifier
from replant.preflight.target_tables import tables_in_target
from replant.sql.row_queries import texts_by_key
from replant.verification.differences import visible

#: So many rows are looked up in one query.
_ASKED = 1000

#: Types of which equal values may have several texts that are not known here; see `compared`.
_SEVERAL_TEXTS = frozenset(
    {"real", "double precision", "interval", "time with time zone", "jsonb", "citext"}
)

Row = Mapping[str, Text]


@frozen
class MetRows:
    """What becomes of the values by which rows are referenced.

    Attributes:
        values: by table and referenced columns, where a row was met under another key.
        problems: rows that would become others: that were not met, and have the key of another row
            of the target, or were met under the key of another row of the artifact.

    """

    references: RowReferences
    values: dict[object, NewValues] = field(factory=dict)
    problems: list[str] = field(factory=list)


def find_met_rows(
    database: DatabaseConnection,
    catalog: Catalog,
    artifact: Artifact,
    matches: Mapping[RelationName, Match],
) -> MetRows:
    """Look the rows up in the target.

    Args:
        database: a transaction in the target.
        catalog: what it has.
        artifact: has the rows.
        matches: by which columns rows of a table are met.

    Raises:
        UsageError: the columns are not a unique key in the target, or tables are met through each
            other.

    """
    met = MetRows(RowReferences(artifact.manifest))
    tables = tables_in_target(artifact.manifest, catalog)
    for name in _in_order(met.references, matches):
        if name in tables:
            _check_unique(catalog, name, matches[name])
            _Meeting(database, artifact, tables[name], matches[name], met).find()
            _check_comparable(catalog, name, met)
    return met


def _in_order(
    references: RowReferences, matches: Mapping[RelationName, Match]
) -> Iterator[RelationName]:
    """Yield tables behind those that the columns reference by which their rows are met."""
    needs = {
        name: {
            reference.references
            for reference in references.by_table[name]
            if reference.references in matches
            and not set(match.columns).isdisjoint(reference.columns)
        }
        for name, match in matches.items()
    }
    try:
        yield from TopologicalSorter(needs).static_order()
    except CycleError as error:
        names = ", ".join(map(str, error.args[1]))
        raise UsageError(f"match: rows of {names} would be met by each other's keys") from error


def _check_unique(catalog: Catalog, name: RelationName, match: Match) -> None:
    live = catalog.tables[name]
    keys = [key for key in (live.primary_key, *live.unique_keys) if key]
    if not any({*key} <= {*match.columns} for key in keys):
        listed = ", ".join(map(readable, match.columns))
        raise UsageError(
            f"match: {name} has no unique key on ({listed}) in the target, by which its rows could "
            f"be met: ALTER TABLE {name} ADD UNIQUE ({listed});"
        )


def _check_comparable(catalog: Catalog, name: RelationName, met: MetRows) -> None:
    """Refuse new values of columns whose equal values may be written in several ways.

    Raises:
        UsageError: a row could reference one by another text.

    """
    live = {column.name: column for column in catalog.tables[name].columns}
    keys = (key for key in met.references.referenced(name) if (name, key) in met.values)
    columns = {column for key in keys for column in key if column in live}
    loose = [live[c] for c in sorted(columns) if not _has_one_text(live[c])]
    if loose:
        told = ", ".join(f"{readable(column.name)} ({column.type})" for column in loose)
        raise UsageError(
            f"match: rows of {name} have another {told} in the target; equal values of that type "
            f"may be written in several ways, so it is not known which rows reference them"
        )


def _has_one_text(column: Column) -> bool:
    own = column.equality is None and column.deterministic
    return own and without_modifier(column.base_type or column.type) not in _SEVERAL_TEXTS


def _written(names: Sequence[str], values: Sequence[Text]) -> str:
    pairs = zip(names, values, strict=True)
    return ", ".join(f"{readable(name)} = {visible(value)}" for name, value in pairs)


@frozen
class _Meeting:
    """The search for the rows of one table."""

    database: DatabaseConnection
    artifact: Artifact
    table: PlannedTable
    match: Match
    met: MetRows

    def find(self) -> None:
        """Add the new values of rows that are there under another key."""
        name = self.table.name
        referenced = self.met.references.referenced(name)
        columns = tuple(dict.fromkeys(column for key in referenced for column in key))
        types = {key: self.met.references.itself(name, key).types for key in referenced}
        found: dict[tuple[str, ...], dict[tuple[Text, ...], tuple[Text, ...]]] = {}
        unmet = []
        for batch in self._batches():
            keys = [tuple(wanted[column] for column in self.match.columns) for _, wanted in batch]
            there = self._looked_up(self.match.columns, columns, keys)
            for place, (row, wanted) in enumerate(batch):
                if place not in there:
                    unmet.append(wanted)
                    continue
                held = dict(zip(columns, there[place], strict=True))
                for key in referenced:
                    old, new = (tuple(r[column] for column in key) for r in (row, held))
                    if old == new or None in old:
                        continue
                    if None in new:
                        self._note_null(wanted, key)
                        continue
                    found.setdefault(key, {})[compared(old, types[key])] = new
        for key, values in found.items():
            self.met.values[name, key] = values
        self._check_unmet(unmet)
        self._check_taken(found.get(self.table.key, {}))

    def _note_null(self, row: Row, key: tuple[str, ...]) -> None:
        self.met.problems.append(
            f"{self.table.name}: the row with {self._told(row)} has NULL in "
            f"({', '.join(map(readable, key))}) in the target, by which rows of the artifact "
            f"reference it; set a value there first"
        )

    def _told(self, row: Row) -> str:
        """Name a row by the columns by which it is met."""
        return _written(self.match.columns, [row[column] for column in self.match.columns])

    def _check_taken(self, new: NewValues) -> None:
        """Note rows that were met under the key that another row of the artifact has or gets."""
        if not new:
            return
        key = self.table.key
        types = self.met.references.itself(self.table.name, key).types
        seen: set[tuple[Text, ...]] = set()
        taken = {compared(values, types) for values in new.values()}
        for row, wanted in self._rows():
            old = compared((row[column] for column in key), types)
            own = compared(new.get(old) or [wanted[column] for column in key], types)
            if own not in taken:
                continue
            if own in seen:
                self.met.problems.append(
                    f"{self.table.name}: two rows of the artifact would have {_written(key, own)}, "
                    f"which one of them has in the target; give the other one another key there or "
                    f"here"
                )
            seen.add(own)

    def _check_unmet(self, rows: Sequence[Row]) -> None:
        """Note rows whose key the target has for another row."""
        whole = (row for row in rows if None not in [row[column] for column in self.table.key])
        left = iter(whole)
        while batch := list(islice(left, _ASKED)):
            keys = [tuple(row[column] for column in self.table.key) for row in batch]
            there = self._looked_up(self.table.key, self.match.columns, keys)
            for place, held in there.items():
                row, other_row = batch[place], dict(zip(self.match.columns, held, strict=True))
                if all(row[column] == other_row[column] for column in self.match.columns):
                    continue  # NULL is equal to nothing, and the row is the same nevertheless.
                wanted, other = self._told(row), self._told(other_row)
                key = _written(self.table.key, keys[place])
                self.met.problems.append(
                    f"{self.table.name}: no row with {wanted} is in the target, and {key} is "
                    f"the key of the row with {other} there; insert the row under another key first"
                )

    def _batches(self) -> Iterator[list[tuple[Row, Row]]]:
        """Yield the rows to be met; see `_rows`."""
        exported = self.artifact.manifest.table(self.table.name)
        rows = (
            row
            for row, owned in zip(self._rows(), exported.is_owned(), strict=True)
            if self.match.owned or not owned
        )
        while batch := list(islice(rows, _ASKED)):
            yield batch

    def _rows(self) -> Iterator[tuple[Row, Row]]:
        """Yield each row, and how it is with references to the rows that were met."""
        name = self.table.name
        names = [column.name for column in self.artifact.manifest.table(name).columns]
        references = self.met.references.by_table[name]
        for batch in row_texts(self.artifact, name):
            for texts in batch:
                row = dict(zip(names, texts, strict=True))
                yield row, rewritten(row, references, self.met.values)

    def _looked_up(
        self,
        key: tuple[str, ...],
        columns: tuple[str, ...],
        keys: Sequence[tuple[Text, ...]],
    ) -> dict[int, tuple[Text, ...]]:
        """Return the values of columns of the rows with these keys, by the place of the key."""
        table = evolve(self.table, key=key)
        with exact_names(self.database, table):
            found = self.database.execute(texts_by_key(table, columns, keys)).fetchall()
        return {place: tuple(rest[len(key) :]) for place, *rest in found}
