"""Compares declared and recorded shapes with a source, and says what it means for an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from replant.drift.drift_findings import Drift, DriftFinding, DriftSeverity, in_order
from replant.model import Catalog, RelationName, ThroughForeignKey, readable
from replant.model.table_differences import (
    DifferenceKind,
    TableDifference,
    likely_renames,
    table_differences,
    type_differences,
)
from replant.model.table_shape import ShapeReference, shapes_of
from replant.model.types import DefinedType
from replant.plugins.answers import Registered
from replant.selection.declared_shapes import DeclaredShapes, added_tables

_HARMLESS, _LOSES, _FAILS = DriftSeverity.HARMLESS, DriftSeverity.LOSES, DriftSeverity.FAILS


def source_drift(
    catalog: Catalog, registered: Sequence[Registered], known: DeclaredShapes, recorded_in: str
) -> Drift:
    """Compare a source with what was declared and recorded of it.

    Args:
        catalog: what the source has.
        registered: the tables that are exported.
        known: what is known of them.
        recorded_in: the name of the file with what was recorded.

    """
    found = shapes_of(catalog, catalog.tables)
    added = added_tables(catalog, known)
    missing = {name: shape for name, shape in known.shapes.items() if name not in found}
    renames = likely_renames(missing, {name: found[name] for name in added})
    differences = [
        *table_differences(known.shapes, found, renames),
        *type_differences(_types(known), catalog.types),
        *(
            TableDifference(DifferenceKind.TABLE_ADDED, n)
            for n in added
            if n not in renames.values()
        ),
    ]
    judge = _DriftFinder(
        {item.registration.table: item for item in registered}, known, renames, recorded_in
    )
    wanted = [f"the plugin {name!r}" for name in sorted({*known.plugins.values()})]
    if known.shapes.keys() - known.plugins.keys():
        wanted.append(recorded_in)
    return Drift(
        wanted=" and ".join(wanted) or "nothing",
        found=f"the source {catalog.database!r}",
        tables=len(known.shapes),
        findings=in_order([judge.finding(difference) for difference in differences]),
        unknown=known.unknown,
    )


def _types(known: DeclaredShapes) -> list[DefinedType]:
    """Return the known types of the tables' columns; what plugins declare comes first."""
    by_plugins = [shape for name, shape in known.shapes.items() if name in known.plugins]
    recorded = [shape for name, shape in known.shapes.items() if name not in known.plugins]
    types: dict[str, DefinedType] = {}
    for shape in (*by_plugins, *recorded):
        for type_ in shape.types:
            types.setdefault(type_.name, type_)
    return [types[name] for name in sorted(types)]


@frozen
class _DriftFinder:
    """Says what a difference means for an export, and what to do about it."""

    registered: Mapping[RelationName, Registered]
    known: DeclaredShapes
    renames: Mapping[RelationName, RelationName]
    recorded_in: str
    _makers: Mapping[str, frozenset[str]] = field(init=False)

    @_makers.default
    def _types_of_plugins(self) -> Mapping[str, frozenset[str]]:
        """Return the plugins with a table that uses a type."""
        makers: dict[str, frozenset[str]] = {}
        for name, plugin in self.known.plugins.items():
            for type_ in self.known.shapes[name].types:
                makers[type_.name] = makers.get(type_.name, frozenset()) | {plugin}
        return makers

    def finding(self, difference: TableDifference) -> DriftFinding:
        """Turn a difference into a finding."""
        severity, what = self._judged(difference)
        return DriftFinding(
            difference.change,
            severity,
            difference.table,
            difference.subject,
            what,
            self._remedy(difference),
        )

    def _judged(self, difference: TableDifference) -> tuple[DriftSeverity, str]:
        table = difference.table
        if table is None:
            return _HARMLESS, _of_type(difference)
        if difference.change in (
            DifferenceKind.FOREIGN_KEY_MISSING,
            DifferenceKind.FOREIGN_KEY_ADDED,
        ):
            return self._of_foreign_key(table, difference)
        if difference.change is DifferenceKind.TABLE_ADDED:
            if table in self.registered:
                return _HARMLESS, f"{table} is new; it is exported"
            return _LOSES, f"{table} is new, and no plugin registers it: its rows are not exported"
        if difference.change in _OF_TABLE_OR_COLUMN and table in self.known.plugins:
            return _FAILS, _sentence(table, difference)
        severity = _SEVERITIES.get(difference.change, _HARMLESS)
        return severity, _sentence(table, difference)

    def _of_foreign_key(
        self, table: RelationName, difference: TableDifference
    ) -> tuple[DriftSeverity, str]:
        key = difference.key
        assert key is not None
        if difference.change is DifferenceKind.FOREIGN_KEY_ADDED:
            what = f"{table} has the new foreign key {difference.found}"
            if key.references in self.registered:
                return _HARMLESS, what
            return _LOSES, f"{what}: the rows that it references are not exported"
        what = f"{table} has the foreign key {difference.wanted} no more"
        if self._is_chosen_by(table, key):
            return _FAILS, f"{what}, by which its rows are chosen"
        return _LOSES, f"{what}: rows that only it brought along are not exported"

    def _is_chosen_by(self, table: RelationName, key: ShapeReference) -> bool:
        item = self.registered.get(table)
        rows = item.registration.rows if item else None
        return isinstance(rows, ThroughForeignKey) and tuple(rows.columns) == key.columns

    def _remedy(self, difference: TableDifference) -> str:
        plugins = self._plugins(difference)
        if (
            difference.change is DifferenceKind.TABLE_ADDED
            and difference.table not in self.registered
        ):
            schema = difference.table.schema if difference.table else ""
            plugins = {p for n, p in self.known.plugins.items() if n.schema == schema}
            if not plugins:
                return f"export it, or record that it is left out: {_WRITE}"
        if plugins:
            names = " and ".join(f"{plugin!r}" for plugin in sorted(plugins))
            return f"update the plugin {names}, or the database"
        return f"review it, and record it in {self.recorded_in}: {_WRITE}"

    def _plugins(self, difference: TableDifference) -> set[str]:
        """Return the plugins that declared it differently."""
        if difference.table is None:
            return {*self._makers.get(difference.subject, ())}
        plugin = self.known.plugins.get(difference.table)
        return {plugin} if plugin else set()


_WRITE = "replant drift --write"

#: What an export needs to be there, if a plugin declared it.
_OF_TABLE_OR_COLUMN = frozenset(
    {
        DifferenceKind.TABLE_MISSING,
        DifferenceKind.TABLE_RENAMED,
        DifferenceKind.NO_TABLE,
        DifferenceKind.COLUMN_MISSING,
    }
)

#: Where nothing is said, a difference is harmless.
_SEVERITIES = {
    DifferenceKind.TABLE_MISSING: _LOSES,
    DifferenceKind.TABLE_RENAMED: _HARMLESS,
    DifferenceKind.NO_TABLE: _LOSES,
    DifferenceKind.COLUMN_MISSING: _LOSES,
    DifferenceKind.COLUMN_GENERATED: _LOSES,
}


def _sentence(table: RelationName, difference: TableDifference) -> str:
    place = f"{table}.{readable(difference.subject)}" if difference.subject else str(table)
    said = _SENTENCES[difference.change]
    if difference.change is DifferenceKind.COLUMN_MISSING and difference.found:
        said += ", likely renamed to {found}"
    return said.format(place=place, wanted=difference.wanted, found=difference.found)


_SENTENCES = {
    DifferenceKind.TABLE_MISSING: "{place} is missing",
    DifferenceKind.TABLE_RENAMED: "{place} is missing, likely renamed to {found}",
    DifferenceKind.NO_TABLE: "{place} is not a table any more",
    DifferenceKind.COLUMN_MISSING: "{place} ({wanted}) is missing",
    DifferenceKind.COLUMN_ADDED: "{place} ({found}) is new; it is exported",
    DifferenceKind.COLUMN_TYPE: "{place} is {found}, and was {wanted}",
    DifferenceKind.COLUMN_NOT_NULL: "{place} is NOT NULL, and was not",
    DifferenceKind.COLUMN_NULLABLE: "{place} may be NULL, and was NOT NULL",
    DifferenceKind.COLUMN_GENERATED: (
        "{place} is generated now: its values are not exported, the target computes its own"
    ),
    DifferenceKind.COLUMN_NOT_GENERATED: "{place} is no longer generated; its values are exported",
    DifferenceKind.COLUMN_IDENTITY: "{place} is {found}, and was {wanted}",
    DifferenceKind.PRIMARY_KEY: "{place} has the primary key {found}, and had {wanted}",
    DifferenceKind.UNIQUE_MISSING: "{place} has the unique key {wanted} no more",
    DifferenceKind.UNIQUE_ADDED: "{place} has the new unique key {found}",
}


def _of_type(difference: TableDifference) -> str:
    name, wanted, found = difference.subject, difference.wanted, difference.found
    if difference.change is DifferenceKind.LABEL_MISSING:
        return f"{name} has the label {wanted!r} no more"
    if difference.change is DifferenceKind.LABEL_ADDED:
        return f"{name} has the new label {found!r}"
    return f"{name} is {found}, and was {wanted}"
