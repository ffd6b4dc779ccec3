"""Compares the tables of a source or an artifact with a target, for what it means for a replay."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from attrs import evolve

from replant.drift.drift_findings import Drift, DriftFinding, DriftSeverity, in_order
from replant.model import Catalog, RelationName, TableShape, readable
from replant.model.table_differences import (
    DifferenceKind,
    TableDifference,
    likely_renames,
    table_differences,
    type_differences,
)
from replant.model.table_shape import shapes_of
from replant.model.types import DefinedType

_HARMLESS, _LOSES, _FAILS = DriftSeverity.HARMLESS, DriftSeverity.LOSES, DriftSeverity.FAILS


def target_drift(
    wanted: Mapping[RelationName, TableShape],
    types: Iterable[DefinedType],
    target: Catalog,
    *,
    made_from: str,
    empty: Collection[RelationName] = (),
) -> Drift:
    """Compare a target with the tables that would be replayed into it.

    No row is read: a difference that some row could break is a difference that fails.

    Args:
        wanted: the shapes of the tables.
        types: those that their columns are made of.
        target: what the target has.
        made_from: what the shapes are those of, in words.
        empty: the tables of which an artifact has no row, so that no difference of theirs matters.

    """
    found = shapes_of(target, target.tables)
    missing = {name: shape for name, shape in wanted.items() if name not in found}
    schemas = {name.schema for name in wanted}
    spare = {n: s for n, s in found.items() if n not in wanted and n.schema in schemas}
    renames = likely_renames(missing, spare)
    differences = [
        *table_differences(wanted, found, renames),
        *type_differences(types, target.types),
    ]
    return Drift(
        wanted=made_from,
        found=f"the target {target.database!r}",
        tables=len(wanted),
        findings=in_order(
            [
                _harmless(finding) if finding.table in empty else finding
                for finding in map(_finding, differences)
            ]
        ),
    )


def _harmless(finding: DriftFinding) -> DriftFinding:
    return evolve(
        finding, severity=_HARMLESS, remedy=f"{_NOTHING}, as the artifact has no row of it"
    )


def _finding(difference: TableDifference) -> DriftFinding:
    table, subject = difference.table, readable(difference.subject)
    alter = f"ALTER TABLE {table}"
    column = f"{alter} ALTER COLUMN {subject}"
    words = {
        "place": f"{table}.{subject}" if difference.subject else str(table),
        "wanted": difference.wanted,
        "found": difference.found,
        "label": "'" + difference.wanted.replace("'", "''") + "'",
        "type": difference.subject,
        "table": str(table),
        "alter": alter,
        "column": column,
        "subject": subject,
    }
    severity, what, remedy = _JUDGED[difference.change]
    if difference.change is DifferenceKind.COLUMN_ADDED and _stays_empty(difference):
        severity, what, remedy = _UNFILLED
    if difference.change is DifferenceKind.COLUMN_MISSING and difference.found:
        what += ", likely renamed to {found}"
    return DriftFinding(
        difference.change,
        severity,
        table,
        difference.subject,
        what.format(**words),
        remedy.format(**words),
    )


def _stays_empty(difference: TableDifference) -> bool:
    """Return whether the column needs a value and gets none."""
    shape = difference.shape
    return shape is not None and shape.not_null and not (shape.filled or shape.generated)


_UNFILLED = (
    _FAILS,
    "{place} ({found}) is in the target alone, is NOT NULL there, and has no default",
    "{column} DROP NOT NULL; or {column} SET DEFAULT …;",
)
_NOTHING = "nothing needs to be done for a replay"
_AS_SOURCE = "bring it to the state of the source's"

_JUDGED: Mapping[DifferenceKind, tuple[DriftSeverity, str, str]] = {
    DifferenceKind.TABLE_MISSING: (
        _FAILS,
        "the target has no table {place}",
        f"create it; {_AS_SOURCE}",
    ),
    DifferenceKind.TABLE_RENAMED: (
        _FAILS,
        "the target has no table {place}, likely since it is {found} there",
        _AS_SOURCE,
    ),
    DifferenceKind.NO_TABLE: (_FAILS, "{place} is not a table in the target", _AS_SOURCE),
    DifferenceKind.COLUMN_MISSING: (
        _FAILS,
        "the target has no column {place}",
        "{alter} ADD COLUMN {subject} {wanted};",
    ),
    DifferenceKind.COLUMN_ADDED: (_HARMLESS, "{place} ({found}) is in the target alone", _NOTHING),
    DifferenceKind.COLUMN_TYPE: (
        _FAILS,
        "{place} is {found} in the target, and {wanted} in the source",
        "{column} TYPE {wanted}; or see by replant replay --dry-run whether the values fit",
    ),
    DifferenceKind.COLUMN_NOT_NULL: (
        _FAILS,
        "{place} is NOT NULL in the target, and may be NULL in the source",
        "{column} DROP NOT NULL; or see by replant replay --dry-run whether a row holds NULL",
    ),
    DifferenceKind.COLUMN_NULLABLE: (
        _HARMLESS,
        "{place} may be NULL in the target, and is NOT NULL in the source",
        _NOTHING,
    ),
    DifferenceKind.COLUMN_GENERATED: (
        _FAILS,
        "{place} is generated in the target, and not in the source",
        "{column} DROP EXPRESSION;",
    ),
    DifferenceKind.COLUMN_NOT_GENERATED: (
        _LOSES,
        "{place} is generated in the source, and not in the target: it gets no value",
        _AS_SOURCE,
    ),
    DifferenceKind.COLUMN_IDENTITY: (
        _HARMLESS,
        "{place} is {found} in the target, and {wanted} in the source",
        _NOTHING,
    ),
    DifferenceKind.PRIMARY_KEY: (
        _FAILS,
        "{place} has the primary key {found} in the target, and {wanted} in the source",
        _AS_SOURCE,
    ),
    DifferenceKind.UNIQUE_MISSING: (
        _HARMLESS,
        "{place} has no unique key {wanted} in the target",
        _NOTHING,
    ),
    DifferenceKind.UNIQUE_ADDED: (
        _FAILS,
        "{place} has the unique key {found} in the target alone",
        "drop it, or see by replant replay --dry-run whether rows are in each other's way",
    ),
    DifferenceKind.FOREIGN_KEY_MISSING: (
        _HARMLESS,
        "{place} has no foreign key {wanted} in the target",
        _NOTHING,
    ),
    DifferenceKind.FOREIGN_KEY_ADDED: (
        _FAILS,
        "{place} has the foreign key {found} in the target alone",
        "drop it, or see by replant replay --dry-run whether the rows satisfy it",
    ),
    DifferenceKind.LABEL_MISSING: (
        _FAILS,
        "{type} has no label {label} in the target",
        "ALTER TYPE {type} ADD VALUE {label};",
    ),
    DifferenceKind.LABEL_ADDED: (
        _HARMLESS,
        "{type} has the label {found!r} in the target alone",
        _NOTHING,
    ),
    DifferenceKind.DOMAIN: (
        _FAILS,
        "{type} is {found} in the target, and {wanted} in the source",
        f"{_AS_SOURCE}; or see by replant replay --dry-run whether the values fit",
    ),
    DifferenceKind.TYPE: (
        _FAILS,
        "{type} is {found} in the target, and {wanted} in the source",
        _AS_SOURCE,
    ),
}
