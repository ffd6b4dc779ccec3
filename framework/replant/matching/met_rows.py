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
from replant.matching.row_references import NewValues, RowReferences, rewritten
from replant.model import Catalog, PlannedTable, RelationName, Text, readable
from replant.model.match import Match
from replant.preflight.target_tables import tables_in_target
from replant.sql.row_queries import texts_by_key

#: So many rows are looked up in one query.
_ASKED = 1000

Row = Mapping[str, Text]


@frozen
class MetRows:
    """What becomes of the values by which rows are referenced.

    Attributes:
        values: by table and referenced columns, where a row was met under another key.
        problems: rows that were not met, and whose key is that of another row of the target.

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
        found: dict[tuple[str, ...], dict[tuple[Text, ...], tuple[Text, ...]]] = {}
        unmet = []
        for batch in self._batches():
            keys = [tuple(row[column] for column in self.match.columns) for row in batch]
            there = self._looked_up(self.match.columns, columns, keys)
            for place, row in enumerate(batch):
                if place not in there:
                    unmet.append(row)
                    continue
                held = dict(zip(columns, there[place], strict=True))
                for key in referenced:
                    old, new = (tuple(r[column] for column in key) for r in (row, held))
                    if old != new and None not in old:
                        found.setdefault(key, {})[old] = new
        for key, values in found.items():
            self.met.values[name, key] = values
        self._check_unmet(unmet)

    def _check_unmet(self, rows: Sequence[Row]) -> None:
        """Note rows whose key the target has for another row."""
        left = iter(rows)
        while batch := list(islice(left, _ASKED)):
            keys = [tuple(row[column] for column in self.table.key) for row in batch]
            there = self._looked_up(self.table.key, self.match.columns, keys)
            for place, held in there.items():
                told = (
                    ", ".join(f"{readable(c)} = {v}" for c, v in zip(names, values, strict=True))
                    for names, values in (
                        (self.match.columns, [batch[place][c] for c in self.match.columns]),
                        (self.table.key, keys[place]),
                        (self.match.columns, held),
                    )
                )
                wanted, key, other = told
                self.met.problems.append(
                    f"{self.table.name}: no row with {wanted} is in the target, and {key} is "
                    f"the key of the row with {other} there; insert the row under another key first"
                )

    def _batches(self) -> Iterator[list[Row]]:
        """Yield the rows to be met, with the values by which they reference rows that were met."""
        name = self.table.name
        exported = self.artifact.manifest.table(name)
        names = [column.name for column in exported.columns]
        references = self.met.references.by_table[name]
        texts = (row for batch in row_texts(self.artifact, name) for row in batch)
        rows: Iterator[Row] = (
            rewritten(dict(zip(names, row, strict=True)), references, self.met.values)
            for row, owned in zip(texts, exported.is_owned(), strict=True)
            if self.match.owned or not owned
        )
        whole = (row for row in rows if None not in [row[c] for c in self.match.columns])
        while batch := list(islice(whole, _ASKED)):
            yield batch

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
