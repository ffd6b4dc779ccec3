"""The rows of an artifact beside those of the target, before they are loaded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from attrs import field, frozen

from replant.artifact.artifact import Artifact
from replant.artifact.manifest import ExportedTable
from replant.artifact.row_batches import Lines
from replant.database.connections import DatabaseConnection
from replant.model import (
    Catalog,
    Check,
    Finding,
    ForeignKey,
    LinkedTo,
    OnConflict,
    RelationName,
    Selection,
    Severity,
    Subject,
    Table,
)
from replant.model.table_differences import DifferenceKind, TableDifference, type_differences
from replant.preflight import queries
from replant.preflight.existing_rows import (
    ExistingRows,
    NullInNotNull,
    Row,
    RowCheck,
    TypeConversion,
    WaitingCheck,
)
from replant.preflight.missing_parents import MissingParents, ReferenceEnds
from replant.preflight.target_tables import AS_THE_SOURCE, differences_in_target, table_in_target
from replant.replay.load_plan import Tables
from replant.replay.role_privileges import RolePrivileges
from replant.sql.row_text import literal, texts

#: Of each table this many rows are looked at before a load; a dry run looks at all.
MOST_ROWS = 10_000

#: Types whose equal values have the same text, so that texts can stand for them.
_SAME_TEXT = {
    *("smallint", "integer", "bigint", "oid", "uuid", "boolean", "date", "text"),
    *("character varying", "name", "timestamp without time zone", "timestamp with time zone"),
}

_Checks = Mapping[RelationName, list[RowCheck]]


@frozen
class CheckContext:
    """An artifact and a target.

    Attributes:
        tables: those of the artifact that the target has.
        limit: how many rows of each table are looked at; None for all.
        exported: the artifact's tables by name.
        changes: the columns of each table that have another type in the target.
        type_changes: how types differ that are there under the same name, new labels excepted.

    """

    database: DatabaseConnection
    artifact: Artifact
    catalog: Catalog
    tables: Tables
    privileges: RolePrivileges
    limit: int | None
    exported: Mapping[RelationName, ExportedTable] = field(init=False, repr=False)
    changes: Mapping[RelationName, list[TableDifference]] = field(init=False, repr=False)
    type_changes: tuple[TableDifference, ...] = field(init=False, repr=False)

    @exported.default
    def _exported(self) -> Mapping[RelationName, ExportedTable]:
        return {table.name: table for table in self.artifact.manifest.tables}

    @changes.default
    def _changes(self) -> Mapping[RelationName, list[TableDifference]]:
        by_table: defaultdict[RelationName, list[TableDifference]] = defaultdict(list)
        for difference in differences_in_target(self.artifact.manifest, self.catalog):
            if difference.table is not None and difference.change is DifferenceKind.COLUMN_TYPE:
                by_table[difference.table].append(difference)
        return by_table

    @type_changes.default
    def _type_changes(self) -> tuple[TableDifference, ...]:
        found = type_differences(self.artifact.manifest.types, self.catalog.types)
        return tuple(d for d in found if d.change is not DifferenceKind.LABEL_ADDED)

    def sees(self, name: RelationName) -> bool:
        """Whether the role sees all rows of a table of the artifact."""
        may = self.privileges.tables[name]
        return may.select and may.use_schema and not self.catalog.tables[name].rows_are_hidden

    @property
    def selection(self) -> Selection:
        """The conditions by which the rows of each table were chosen."""
        return {name: table.rows for name, table in self.tables.items()}


def check_rows(context: CheckContext) -> list[Finding]:
    """What becomes of rows that are there already, lack a value, or reference what is not there.

    A table whose columns the target lacks is passed over.
    """
    checks = {
        table.name: list(_checks_of(context, table.name))
        for table in context.artifact.manifest.tables
        if table.row_count and _has_place(context, table.name)
    }
    for name, of_table in checks.items():
        _observe(context, name, of_table)
    _observe_awaited_rows(context, checks)
    everything = _every_row_exists(context, checks)
    if everything is not None:
        return [everything]
    return [finding for of_table in checks.values() for k in of_table for finding in k.findings()]


def _has_place(context: CheckContext, name: RelationName) -> bool:
    wanted = context.exported[name].planned.column_names
    return name in context.tables and context.tables[name].column_names == wanted


def _observe(context: CheckContext, name: RelationName, checks: list[RowCheck]) -> None:
    """Show the rows of a table to its looks; what stands apart from them comes by itself."""
    artifact, table = context.artifact, context.tables[name]
    stored_separately = artifact.stored_separately.get(name, ())
    whole = [check for check in checks if check.columns.isdisjoint(stored_separately)]
    late = [
        check
        for check in checks
        if check not in whole and check.columns <= {*table.key, *stored_separately}
    ]
    for observing, columns, batches in (
        (whole, table.column_names, artifact.rows),
        (late, table.key + stored_separately, artifact.patches),
    ):
        if observing:
            wanted = {column for check in observing for column in check.columns}
            for rows in _read(batches(name), columns, wanted, context.limit):
                for check in observing:
                    check.observe(rows)


def _read(
    batches: Iterator[Lines], columns: tuple[str, ...], wanted: Collection[str], limit: int | None
) -> Iterator[list[Row]]:
    """The wanted columns of rows, up to the limit."""
    left = limit
    for lines in batches:
        kept = lines if left is None else lines[:left]
        yield [
            {name: text for name, text in zip(columns, texts(row), strict=True) if name in wanted}
            for row in kept
        ]
        if left is not None:
            left -= len(kept)
            if not left:
                return


def _observe_awaited_rows(context: CheckContext, checks: _Checks) -> None:
    """Show the artifact's own rows to the looks that wait for them."""
    waiting: defaultdict[RelationName, list[WaitingCheck]] = defaultdict(list)
    for of_table in checks.values():
        for check in of_table:
            if isinstance(check, ExistingRows | MissingParents) and check.awaited_table is not None:
                waiting[check.awaited_table].append(check)
    for name, awaiting in waiting.items():
        held = context.exported[name].planned.column_names
        wanted = {column for check in awaiting for column in check.awaited_columns}
        for rows in _read(context.artifact.rows(name), held, wanted, None):
            for check in awaiting:
                check.observe_awaited_rows(rows)


def _checks_of(context: CheckContext, name: RelationName) -> Iterator[RowCheck]:
    table, live = context.tables[name], context.catalog.tables[name]
    keys = [key for key in (live.primary_key, *live.unique_keys) if key]
    given = tuple(key for key in keys if {*key} <= {*table.column_names})
    if given and context.sees(name) and _holds_rows(context, name):
        selection = context.selection if _conditions_can_be_asked(context, name) else None
        by_text = _same_text(live, table.key)
        counted = context.artifact.manifest.check is not Check.NONE
        yield ExistingRows(context.database, table, given, selection, by_text, counted)
    never_null = tuple(
        c.name
        for c in live.columns
        if c.not_null and c.name in table.column_names and c.name not in live.primary_key
    )
    if never_null:
        yield NullInNotNull(context.catalog, table, never_null)
    yield from _type_conversions(context, name)
    for key in live.foreign_keys:
        yield from _missing_parents(context, key)


def _holds_rows(context: CheckContext, name: RelationName) -> bool:
    (any_row,) = context.database.execute(queries.has_rows(context.tables[name])).fetchone() or ()
    return bool(any_row)


def _conditions_can_be_asked(context: CheckContext, name: RelationName) -> bool:
    """Whether the conditions of a table's rows can be asked of the target, by this role."""
    rows = context.exported[name].rows
    return rows is not None and all(
        link.other in context.tables
        and context.sees(link.other)
        and _conditions_can_be_asked(context, link.other)
        for condition in rows
        if isinstance(condition, LinkedTo)
        for link in condition.links
    )


def _type_conversions(context: CheckContext, name: RelationName) -> Iterator[TypeConversion]:
    """A look at each column whose type is not what it was in the source."""
    table = context.tables[name]
    exact = context.artifact.manifest.check is Check.CONTENT and context.sees(name)
    for column in context.catalog.tables[name].columns:
        changes = [d for d in context.changes.get(name, ()) if d.subject == column.name]
        changes += [d for d in context.type_changes if d.subject in column.made_of]
        if changes and column.name in table.column_names:
            described = [_type_difference(change) for change in changes]
            differs = "; ".join(differs for differs, _ in described)
            remedy = " ".join(dict.fromkeys(remedy for _, remedy in described))
            of_column = (column.name, column.type)
            yield TypeConversion(context.database, table, *of_column, differs, remedy, exact)


def _type_difference(difference: TableDifference) -> tuple[str, str]:
    """How the types differ, and what would make them alike."""
    if difference.change is DifferenceKind.LABEL_MISSING:
        label = literal(difference.wanted).decode()
        remedy = f"ALTER TYPE {difference.subject} ADD VALUE {label};"
        return f"{difference.subject} has no label {label} there", remedy
    of = difference.subject if difference.table is None else "the type"
    differs = f"{of} is {difference.found} there, and was {difference.wanted} in the source"
    return differs, f"{AS_THE_SOURCE};"


def _missing_parents(context: CheckContext, key: ForeignKey) -> Iterator[MissingParents]:
    """A look at what rows reference, where the role may look and texts tell rows apart."""
    table = context.tables[key.table]
    unreadable = context.privileges.unreadable & {key.table, key.references}
    hidden = context.catalog.tables[key.references].rows_are_hidden
    if not key.enforced or unreadable or hidden or not {*key.columns} <= {*table.column_names}:
        return
    other = table_in_target(context.tables, context.catalog, key.references)
    leaves = not context.tables.get(key.references, other).row_count
    if leaves or _by_text(context, key):
        yield MissingParents(context.database, ReferenceEnds(key, table, other), leaves)


def _by_text(context: CheckContext, key: ForeignKey) -> bool:
    """Whether rows of the artifact can be found by the texts of a key, in bounded time."""
    other = context.tables[key.references]
    own, live = context.catalog.tables[key.table], context.catalog.tables[key.references]
    same = _same_text(own, key.columns) and _same_text(live, key.referenced_columns)
    held = {*key.referenced_columns} <= {*other.column_names}
    stored_separately = context.artifact.stored_separately.get(key.references, ())
    few = context.limit is None or other.row_count <= context.limit
    return same and held and few and not {*stored_separately} & {*key.referenced_columns}


def _same_text(table: Table, names: Collection[str]) -> bool:
    """Whether equal values of these columns have equal texts."""
    return all(c.base_type in _SAME_TEXT for c in table.columns if c.name in names)


def _every_row_exists(context: CheckContext, checks: _Checks) -> Finding | None:
    """One finding in place of many, where the target has every row of the artifact already."""
    filled = [table for table in context.artifact.manifest.tables if table.row_count]
    for table in filled:
        present = [k for k in checks.get(table.name, ()) if isinstance(k, ExistingRows)]
        if not present or present[0].known != table.row_count:
            return None
        if context.tables[table.name].on_conflict is not OnConflict.ERROR:
            return None
    if not filled:
        return None
    return Finding(
        Subject.TARGET,
        Severity.REFUSES,
        context.catalog.database,
        f"the target {context.catalog.database!r} already holds every row of this artifact: it was "
        f"replayed before, or this database is the source itself",
        "replay into another database, or with --on-conflict skip or update",
    )
