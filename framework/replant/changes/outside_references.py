"""Finds rows that reference rows which would be deleted, and are not changed themselves.

A foreign key would refuse the deletion, or delete or change these rows as well (ON DELETE CASCADE,
SET NULL, SET DEFAULT). Neither may happen to a row that nobody asked to change, unless it is
allowed. A declared reference would lead nowhere, and no database would notice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice

from attrs import field, frozen

from replant.artifact.manifest import Manifest
from replant.changes.queries import declared_rows, keys_that_act, referencing_rows
from replant.changes.table_changes import Changes, RowValues, TableChanges
from replant.closure.graph_reader import read_reference_graph
from replant.database.connections import DatabaseConnection
from replant.database.privileges import read_privileges
from replant.model import (
    Catalog,
    ChosenRows,
    Finding,
    ForeignKey,
    PlannedColumn,
    PlannedTable,
    RelationKind,
    RelationName,
    Severity,
    Subject,
    Table,
    Text,
    readable,
)
from replant.model.numbers import counted
from replant.model.references import DeclaredReference, EdgeName, Reference, from_foreign_key
from replant.sql.grants import read_grants
from replant.verification.differences import visible
from replant.verification.target_closure import declared_references

#: So many referenced rows are looked up in one query.
_ASKED = 1000

#: So many referencing rows are named.
_NAMED = 3

#: `pg_constraint.confdeltype`.
_CASCADE, _SET_NULL, _SET_DEFAULT = "c", "n", "d"
_ACTING = (_CASCADE, _SET_NULL, _SET_DEFAULT)


def find_outside_references(
    database: DatabaseConnection,
    catalog: Catalog,
    changes: Changes,
    manifest: Manifest,
    *,
    allow_cascade: bool,
) -> Iterator[Finding]:
    """Yield a finding for each reference by which rows outside would be met.

    Args:
        database: a transaction in the target.
        catalog: what the target has.
        changes: what would be changed.
        manifest: the artifact's; it has declared references, and the tables in which rows may be
            deleted at all.
        allow_cascade: whether foreign keys may delete and change rows that nobody asked to change.

    """
    keys = [key for table in catalog.tables.values() for key in table.foreign_keys if key.enforced]
    actions: dict[tuple[RelationName, str], str] = {}
    if any(key.references in changes for key in keys):
        found = database.execute(keys_that_act())
        actions = {(RelationName(s, t), name): action for s, t, name, action in found}
    covered = frozenset(table.name for table in manifest.tables)
    search = _Search(database, catalog, changes, actions, covered, allow_cascade)
    yield from search.by_keys(keys)
    yield from search.by_declared(tuple(declared_references(manifest, catalog)))


#: Rows that vanish or change, from several places.
_Parents = Sequence[Sequence[RowValues]]


@frozen
class _Search:
    """The search for rows that reference rows which vanish.

    Attributes:
        actions: what foreign keys do when a referenced row is deleted, unless it is nothing.
        covered: the tables in which rows may be deleted.
        allow_cascade: whether they may do it to rows outside.
        cascaded: the rows that they delete, by table and key.

    """

    database: DatabaseConnection
    catalog: Catalog
    changes: Changes
    actions: Mapping[tuple[RelationName, str], str]
    covered: frozenset[RelationName]
    allow_cascade: bool
    cascaded: dict[RelationName, dict[tuple[Text, ...], RowValues]] = field(factory=dict)

    def by_keys(self, keys: Sequence[ForeignKey]) -> Iterator[Finding]:
        """Follow foreign keys, also from rows that they delete themselves."""
        yield from self._find_cascaded([key for key in keys if self._may_cascade(key)])
        for key in keys:
            parents = self._vanishing(key.references)
            if any(parents) and not self._may_cascade(key):
                yield from self._of_deleted(key, parents)
            changed = _changed(self.changes, key.references, key.referenced_columns)
            if changed:
                yield from self._refused(key, from_foreign_key(key), [changed])

    def _vanishing(self, name: RelationName) -> _Parents:
        own = self.changes[name].deleted if name in self.changes else ()
        return [own, list(self.cascaded.get(name, {}).values())]

    def _may_cascade(self, key: ForeignKey) -> bool:
        """Tell whether a key may delete rows: in a table of the artifact that the role sees."""
        return (
            self.allow_cascade
            and self.actions.get((key.table, key.name)) == _CASCADE
            and key.table in self.covered
            and bool(self._child(key.table).key)
            and not self._unseen(key.table)
        )

    def _find_cascaded(self, keys: Sequence[ForeignKey]) -> Iterator[Finding]:
        """Find the rows that keys delete, and those that these deletions delete in their turn."""
        vanishing = {key.references: self._vanishing(key.references) for key in keys}
        while any(any(parents) for parents in vanishing.values()):
            more: dict[RelationName, list[RowValues]] = {}
            for key in keys:
                names = self._child(key.table).key
                known = self.cascaded.setdefault(key.table, {})
                parents = vanishing.get(key.references, [])
                found = list(self._outside(key, from_foreign_key(key), parents))
                if not found:
                    continue
                new = {row: dict(zip(names, row, strict=True)) for row in found}
                known.update(new)
                more.setdefault(key.table, []).extend(new.values())
                verb = "is" if len(found) == 1 else "are"
                told = f"{counted(len(found), 'row')} of {key.table} {verb} deleted as well"
                yield self._note(key, told, names, found)
            vanishing = {name: [rows] for name, rows in more.items()}

    def _note(
        self,
        key: ForeignKey,
        told: str,
        names: Sequence[str],
        found: Sequence[tuple[Text, ...]],
    ) -> Finding:
        what = f"{told}, by {readable(key.name)}: {_named(names, found)}"
        return Finding(Subject.REFERENCE, Severity.NOTE, str(key.table), what)

    def by_declared(self, declared: Sequence[DeclaredReference]) -> Iterator[Finding]:
        """Follow references that no foreign key guards."""
        if not declared:
            return
        keys = {
            EdgeName(t.name, k.name) for t in self.catalog.tables.values() for k in t.foreign_keys
        }
        graph = read_reference_graph(self.database, self.catalog, declared)
        for reference in graph.references:
            if reference.edge in keys or reference.references not in self.changes:
                continue
            columns = reference.referenced_columns
            parents = [
                self.changes[reference.references].deleted,
                _changed(self.changes, reference.references, columns),
            ]
            if any(parents):
                yield from self._refused(None, reference, parents)

    def _of_deleted(self, key: ForeignKey, parents: _Parents) -> Iterator[Finding]:
        action = self.actions.get((key.table, key.name))
        hidden = self._unseen(key.table)
        if not self.allow_cascade or hidden or action not in (_SET_NULL, _SET_DEFAULT):
            yield from self._refused(key, from_foreign_key(key), parents)
            return
        found = list(self._outside(key, from_foreign_key(key), parents))
        if found:
            child = self._child(key.table)
            rows = counted(len(found), "row")
            told = f"{rows} of {key.table} will not reference deleted rows any more"
            yield self._note(key, told, child.key or child.column_names, found)

    def _refused(
        self, key: ForeignKey | None, reference: Reference, parents: _Parents
    ) -> Iterator[Finding]:
        """Yield a refusal if rows outside reference some rows that vanish."""
        name = reference.table
        child = self._child(name)
        if unseen := self._unseen(name, system=bool(_place_of(child, key))):
            yield Finding(
                Subject.REFERENCE,
                Severity.REFUSES,
                str(name),
                f"the role {self.catalog.role!r} cannot see which rows of {name} reference rows "
                f"of {reference.references} that are deleted",
                unseen,
            )
            return
        parent = self._child(reference.references)
        computed = {*reference.referenced_columns} - {*parent.column_names}
        if computed and not parent.key:
            yield Finding(
                Subject.REFERENCE,
                Severity.REFUSES,
                str(name),
                f"which rows of {name} reference rows of {parent.name} that are deleted is not "
                f"known, as they do so by {', '.join(map(readable, sorted(computed)))}, which the "
                f"database computes",
                "delete them first, or give the table a key that is exported",
            )
            return
        found = list(self._outside(key, reference, parents))
        if found:
            yield _finding(reference, child.key or child.column_names, found, self._remedy(key))

    def _unseen(self, name: RelationName, *, system: bool = False) -> str:
        """Return what would let the role see all rows of a table; empty if it does.

        Args:
            name: the table.
            system: whether it has to see system columns too, for which a privilege on each column
                is not enough.

        """
        table = self.catalog.tables[name]
        if table.rows_are_hidden:
            return "use the table's owner or a role with BYPASSRLS"
        may_select = table.may_select
        if system and may_select:
            may_select = read_privileges(self.database, {name: ()})[name].select_system
        schemas = [] if table.may_use_schema else [name.schema]
        tables = [] if may_select else [name]
        return read_grants(schemas, tables, self.catalog.role) if schemas or tables else ""

    def _remedy(self, key: ForeignKey | None) -> str:
        action = "" if key is None else self.actions.get((key.table, key.name), "")
        other = ""
        if key is not None and action == _CASCADE and key.table not in self.covered:
            other = "; nothing is deleted in a table that the artifact does not have"
        elif action in _ACTING:
            other = ", or let the foreign key act on them: --allow-cascade"
        return f"delete them first, or let them reference other rows{other}"

    def _child(self, name: RelationName) -> PlannedTable:
        own = self.changes.get(name)
        return _planned(self.catalog.tables[name]) if own is None else own.table

    def _outside(
        self, key: ForeignKey | None, reference: Reference, parents: _Parents
    ) -> Iterator[tuple[Text, ...]]:
        """Yield what identifies the rows that reference some rows, and are not asked to change."""
        child = self._child(reference.table)
        parent = self._child(reference.references)
        wanted = child.key or child.column_names
        repeated = _is_repeated(key)
        place = _place_of(child, key)
        seen: set[tuple[Text, ...]] = set()
        gone = {*self.cascaded.get(reference.table, ())}
        left = Counter(_not_asked_for(self.changes.get(reference.table), reference.columns))
        rows = chain.from_iterable(parents)
        while asked := list(islice(rows, _ASKED)):
            query = (
                declared_rows(reference, (child, (*wanted, *place)), parent, asked)
                if key is None
                else referencing_rows(key, (child, (*wanted, *place)), parent, asked)
            )
            for found in self.database.execute(query):
                if repeated and found in seen:
                    continue
                seen.update([found] if repeated else [])
                row = found[: len(wanted)]
                if left[row] > 0:
                    left[row] -= 1
                elif row not in gone:
                    yield row


def _is_repeated(key: ForeignKey | None) -> bool:
    """Tell whether a row may reference several rows: by a period, or by an array."""
    return key is None or key.period


def _place_of(child: PlannedTable, key: ForeignKey | None) -> tuple[str, ...]:
    """Return the system columns that tell a row from its like, where it may be met twice."""
    return ("tableoid", "ctid") if _is_repeated(key) and not child.key else ()


def _changed(changes: Changes, name: RelationName, columns: Sequence[str]) -> list[RowValues]:
    """Return the keys of rows that will have other values in columns that are referenced."""
    if name not in changes or changes[name].updated.columns.isdisjoint(columns):
        return []
    return [row.key for row in changes[name].updated if not row.values.keys().isdisjoint(columns)]


def _not_asked_for(own: TableChanges | None, columns: Sequence[str]) -> Iterator[tuple[Text, ...]]:
    """Yield what identifies the rows that will not reference the deleted rows any more."""
    if own is None:
        return
    for row in own.deleted:
        yield own.key_of(row)
    if own.updated.columns.isdisjoint(columns):
        return
    for updated in own.updated:
        if not updated.values.keys().isdisjoint(columns):
            yield tuple(updated.key.values())


def _finding(
    reference: Reference, wanted: Sequence[str], found: Sequence[tuple[Text, ...]], remedy: str
) -> Finding:
    verb = "references" if len(found) == 1 else "reference"
    return Finding(
        Subject.REFERENCE,
        Severity.REFUSES,
        str(reference.table),
        f"{counted(len(found), 'row')} of {reference.table} that would stay {verb} rows of "
        f"{reference.references} that would be deleted, by {readable(reference.name)}: "
        f"{_named(wanted, found)}",
        remedy,
    )


def _named(wanted: Sequence[str], found: Sequence[tuple[Text, ...]]) -> str:
    """Name the first rows."""
    named = "; ".join(
        ", ".join(f"{readable(c)} = {visible(v)}" for c, v in zip(wanted, row, strict=True))
        for row in found[:_NAMED]
    )
    return f"{named} and {len(found) - _NAMED:,} more" if len(found) > _NAMED else named


def _planned(table: Table) -> PlannedTable:
    """Describe a table of which no row changes."""
    return PlannedTable(
        name=table.name,
        columns=tuple(PlannedColumn(column.name, column.type) for column in table.columns),
        key=table.identifying_columns,
        rows=ChosenRows((), table.kind is RelationKind.TABLE, table.equality, table.keys_to_follow),
    )
