"""The rows of an artifact beside those of the target, before they are loaded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from attrs import field, frozen

from replant.artifact.artifact import Artifact
from replant.artifact.manifest import ExportedTable
from replant.artifact.row_batches import Lines
from replant.database.connections import Database
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
from replant.model.table_differences import Change, Difference, type_differences
from replant.preflight import queries
from replant.preflight.existing_rows import Look, Nulls, Present, Row, Values, Waiting
from replant.preflight.missing_parents import Ends, References
from replant.preflight.target_tables import AS_THE_SOURCE, differences, table_in_target
from replant.replay.load_plan import Tables
from replant.replay.role_privileges import Powers
from replant.sql.row_text import literal, texts

#: Of each table this many rows are looked at before a load; a dry run looks at all.
MOST_ROWS = 10_000

#: Types whose equal values have the same text, so that texts can stand for them.
_SAME_TEXT = {
    *("smallint", "integer", "bigint", "oid", "uuid", "boolean", "date", "text"),
    *("character varying", "name", "timestamp without time zone", "timestamp with time zone"),
}

_Looks = Mapping[RelationName, list[Look]]


@frozen
class Meeting:
    """An artifact and a target.

    Attributes:
        tables: those of the artifact that the target has.
        limit: how many rows of each table are looked at; None for all.
        exported: the artifact's tables by name.
        changes: the columns of each table that have another type in the target.
        type_changes: how types differ that are there under the same name, new labels excepted.

    """

    database: Database
    artifact: Artifact
    catalog: Catalog
    tables: Tables
    powers: Powers
    limit: int | None
    exported: Mapping[RelationName, ExportedTable] = field(init=False, repr=False)
    changes: Mapping[RelationName, list[Difference]] = field(init=False, repr=False)
    type_changes: tuple[Difference, ...] = field(init=False, repr=False)

    @exported.default
    def _exported(self) -> Mapping[RelationName, ExportedTable]:
        return {table.name: table for table in self.artifact.manifest.tables}

    @changes.default
    def _changes(self) -> Mapping[RelationName, list[Difference]]:
        by_table: defaultdict[RelationName, list[Difference]] = defaultdict(list)
        for difference in differences(self.artifact.manifest, self.catalog):
            if difference.table is not None and difference.change is Change.COLUMN_TYPE:
                by_table[difference.table].append(difference)
        return by_table

    @type_changes.default
    def _type_changes(self) -> tuple[Difference, ...]:
        found = type_differences(self.artifact.manifest.types, self.catalog.types)
        return tuple(d for d in found if d.change is not Change.LABEL_ADDED)

    def sees(self, name: RelationName) -> bool:
        """Whether the role sees all rows of a table of the artifact."""
        may = self.powers.tables[name]
        return may.select and may.use_schema and not self.catalog.tables[name].rows_are_hidden

    @property
    def selection(self) -> Selection:
        """The conditions by which the rows of each table were chosen."""
        return {name: table.rows for name, table in self.tables.items()}


def row_findings(meeting: Meeting) -> list[Finding]:
    """What becomes of rows that are there already, lack a value, or reference what is not there.

    A table whose columns the target lacks is passed over.
    """
    looks = {
        table.name: list(_looks(meeting, table.name))
        for table in meeting.artifact.manifest.tables
        if table.row_count and _has_place(meeting, table.name)
    }
    for name, of_table in looks.items():
        _take(meeting, name, of_table)
    _provide(meeting, looks)
    everything = _all_there(meeting, looks)
    if everything is not None:
        return [everything]
    return [finding for of_table in looks.values() for k in of_table for finding in k.findings()]


def _has_place(meeting: Meeting, name: RelationName) -> bool:
    wanted = meeting.exported[name].planned.column_names
    return name in meeting.tables and meeting.tables[name].column_names == wanted


def _take(meeting: Meeting, name: RelationName, looks: list[Look]) -> None:
    """Show the rows of a table to its looks; what stands apart from them comes by itself."""
    artifact, table = meeting.artifact, meeting.tables[name]
    apart = artifact.in_two_parts.get(name, ())
    whole = [look for look in looks if look.columns.isdisjoint(apart)]
    late = [look for look in looks if look not in whole and look.columns <= {*table.key, *apart}]
    for taking, columns, batches in (
        (whole, table.column_names, artifact.rows),
        (late, table.key + apart, artifact.patches),
    ):
        if taking:
            wanted = {column for look in taking for column in look.columns}
            for rows in _read(batches(name), columns, wanted, meeting.limit):
                for look in taking:
                    look.take(rows)


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


def _provide(meeting: Meeting, looks: _Looks) -> None:
    """Show the artifact's own rows to the looks that wait for them."""
    waiting: defaultdict[RelationName, list[Waiting]] = defaultdict(list)
    for of_table in looks.values():
        for look in of_table:
            if isinstance(look, Present | References) and look.provider is not None:
                waiting[look.provider].append(look)
    for name, looking in waiting.items():
        held = meeting.exported[name].planned.column_names
        wanted = {column for look in looking for column in look.provided_columns}
        for rows in _read(meeting.artifact.rows(name), held, wanted, None):
            for look in looking:
                look.provided(rows)


def _looks(meeting: Meeting, name: RelationName) -> Iterator[Look]:
    table, live = meeting.tables[name], meeting.catalog.tables[name]
    keys = [key for key in (live.primary_key, *live.unique_keys) if key]
    given = tuple(key for key in keys if {*key} <= {*table.column_names})
    if given and meeting.sees(name) and _holds_rows(meeting, name):
        selection = meeting.selection if _askable(meeting, name) else None
        by_text = _same_text(live, table.key)
        counted = meeting.artifact.manifest.check is not Check.NONE
        yield Present(meeting.database, table, given, selection, by_text, counted)
    never_null = tuple(
        c.name
        for c in live.columns
        if c.not_null and c.name in table.column_names and c.name not in live.primary_key
    )
    if never_null:
        yield Nulls(meeting.catalog, table, never_null)
    yield from _values(meeting, name)
    for key in live.foreign_keys:
        yield from _references(meeting, key)


def _holds_rows(meeting: Meeting, name: RelationName) -> bool:
    (any_row,) = meeting.database.execute(queries.has_rows(meeting.tables[name])).fetchone() or ()
    return bool(any_row)


def _askable(meeting: Meeting, name: RelationName) -> bool:
    """Whether the conditions of a table's rows can be asked of the target, by this role."""
    rows = meeting.exported[name].rows
    return rows is not None and all(
        link.other in meeting.tables and meeting.sees(link.other) and _askable(meeting, link.other)
        for condition in rows
        if isinstance(condition, LinkedTo)
        for link in condition.links
    )


def _values(meeting: Meeting, name: RelationName) -> Iterator[Values]:
    """A look at each column whose type is not what it was in the source."""
    table = meeting.tables[name]
    exact = meeting.artifact.manifest.check is Check.CONTENT and meeting.sees(name)
    for column in meeting.catalog.tables[name].columns:
        changes = [d for d in meeting.changes.get(name, ()) if d.subject == column.name]
        changes += [d for d in meeting.type_changes if d.subject in column.made_of]
        if changes and column.name in table.column_names:
            told = [_told(change) for change in changes]
            differs = "; ".join(differs for differs, _ in told)
            mend = " ".join(dict.fromkeys(mend for _, mend in told))
            of_column = (column.name, column.type)
            yield Values(meeting.database, table, *of_column, differs, mend, exact)


def _told(difference: Difference) -> tuple[str, str]:
    """How the types differ, and what would make them alike."""
    if difference.change is Change.LABEL_MISSING:
        label = literal(difference.wanted).decode()
        mend = f"ALTER TYPE {difference.subject} ADD VALUE {label};"
        return f"{difference.subject} has no label {label} there", mend
    of = difference.subject if difference.table is None else "the type"
    differs = f"{of} is {difference.found} there, and was {difference.wanted} in the source"
    return differs, f"{AS_THE_SOURCE};"


def _references(meeting: Meeting, key: ForeignKey) -> Iterator[References]:
    """A look at what rows reference, where the role may look and texts tell rows apart."""
    table = meeting.tables[key.table]
    unreadable = meeting.powers.unreadable & {key.table, key.references}
    hidden = meeting.catalog.tables[key.references].rows_are_hidden
    if not key.enforced or unreadable or hidden or not {*key.columns} <= {*table.column_names}:
        return
    other = table_in_target(meeting.tables, meeting.catalog, key.references)
    leaves = not meeting.tables.get(key.references, other).row_count
    if leaves or _by_text(meeting, key):
        yield References(meeting.database, Ends(key, table, other), leaves)


def _by_text(meeting: Meeting, key: ForeignKey) -> bool:
    """Whether rows of the artifact can be found by the texts of a key, in bounded time."""
    other = meeting.tables[key.references]
    own, live = meeting.catalog.tables[key.table], meeting.catalog.tables[key.references]
    same = _same_text(own, key.columns) and _same_text(live, key.referenced_columns)
    held = {*key.referenced_columns} <= {*other.column_names}
    apart = meeting.artifact.in_two_parts.get(key.references, ())
    few = meeting.limit is None or other.row_count <= meeting.limit
    return same and held and few and not {*apart} & {*key.referenced_columns}


def _same_text(table: Table, names: Collection[str]) -> bool:
    """Whether equal values of these columns have equal texts."""
    return all(c.base_type in _SAME_TEXT for c in table.columns if c.name in names)


def _all_there(meeting: Meeting, looks: _Looks) -> Finding | None:
    """One finding in place of many, where the target has every row of the artifact already."""
    filled = [table for table in meeting.artifact.manifest.tables if table.row_count]
    for table in filled:
        present = [k for k in looks.get(table.name, ()) if isinstance(k, Present)]
        if not present or present[0].known != table.row_count:
            return None
        if meeting.tables[table.name].on_conflict is not OnConflict.ERROR:
            return None
    if not filled:
        return None
    return Finding(
        Subject.TARGET,
        Severity.REFUSES,
        meeting.catalog.database,
        f"the target {meeting.catalog.database!r} already holds every row of this artifact: it was "
        f"replayed before, or this database is the source itself",
        "replay into another database, or with --on-conflict skip or update",
    )
