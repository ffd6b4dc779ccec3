"""Runs the row checks: reads the artifact's rows, and shows them to the checks of their tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from replant.artifact.artifact import patch_texts, row_texts
from replant.model import Finding, OnConflict, RelationName, Text
from replant.preflight.existing_rows import ExistingRows, every_row_exists, existing_rows_checks
from replant.preflight.long_values import long_values_check
from replant.preflight.missing_parents import MissingParents, missing_parents_checks
from replant.preflight.null_values import null_check
from replant.preflight.row_check import CheckContext, CheckedRow, RowCheck, WaitingCheck
from replant.preflight.type_conversions import type_conversion_checks

#: A replay checks this many rows of each table before it begins; a dry run checks all.
MOST_ROWS = 10_000

_Checks = Mapping[RelationName, list[RowCheck]]


def check_rows(context: CheckContext) -> list[Finding]:
    """Find rows that already exist, lack a value, or reference a row that does not exist.

    A table whose columns the target lacks is skipped.
    """
    names = [
        table.name
        for table in context.artifact.manifest.tables
        if table.row_count and _has_place(context, table.name)
    ]
    existing = existing_rows_checks(context, names)
    checks = {name: list(_checks_of(context, name, existing.get(name))) for name in names}
    for name, of_table in checks.items():
        _observe(context, name, of_table)
    _observe_awaited_rows(context, checks)
    everything = every_row_exists(context, checks)
    if everything is not None:
        return [everything]
    return [finding for of_table in checks.values() for k in of_table for finding in k.findings()]


def _has_place(context: CheckContext, name: RelationName) -> bool:
    wanted = context.exported[name].planned.column_names
    return name in context.tables and context.tables[name].column_names == wanted


def _observe(context: CheckContext, name: RelationName, checks: list[RowCheck]) -> None:
    """Show the rows of a table to its checks; separately stored columns come afterwards."""
    artifact, table = context.artifact, context.tables[name]
    stored_separately = artifact.stored_separately.get(name, ())
    whole = [check for check in checks if check.columns.isdisjoint(stored_separately)]
    late = [
        check
        for check in checks
        if check not in whole and check.columns <= {*table.key, *stored_separately}
    ]
    for observing, columns, batches in (
        (whole, table.column_names, row_texts),
        (late, table.key + stored_separately, patch_texts),
    ):
        if observing:
            wanted = {column for check in observing for column in check.columns}
            for rows in _read(batches(artifact, name), columns, wanted, context.limit):
                for check in observing:
                    check.observe(rows)


def _read(
    batches: Iterator[list[tuple[Text, ...]]],
    columns: tuple[str, ...],
    wanted: Collection[str],
    limit: int | None,
) -> Iterator[list[CheckedRow]]:
    """Yield the wanted columns of rows, up to the limit."""
    left = limit
    for texts in batches:
        kept = texts if left is None else texts[:left]
        yield [
            {name: text for name, text in zip(columns, row, strict=True) if name in wanted}
            for row in kept
        ]
        if left is not None:
            left -= len(kept)
            if not left:
                return


def _observe_awaited_rows(context: CheckContext, checks: _Checks) -> None:
    """Show the artifact's own rows to the checks that wait for them."""
    waiting: defaultdict[RelationName, list[WaitingCheck]] = defaultdict(list)
    for of_table in checks.values():
        for check in of_table:
            if isinstance(check, ExistingRows | MissingParents) and check.awaited_table is not None:
                waiting[check.awaited_table].append(check)
    for name, awaiting in waiting.items():
        held, key = context.exported[name].planned.column_names, context.tables[name].key
        wanted = {column for check in awaiting for column in check.awaited_columns}
        skipped = _skipped(checks.get(name, ()))
        for rows in _read(row_texts(context.artifact, name), held, {*wanted, *key}, None):
            loaded = [row for row in rows if tuple(row[n] for n in key) not in skipped]
            for check in awaiting:
                check.observe_awaited_rows(loaded if isinstance(check, MissingParents) else rows)


def _skipped(checks: Sequence[RowCheck]) -> set[tuple[Text, ...]]:
    """Return the keys of rows that will be skipped, for rows with other keys."""
    existing = [check for check in checks if isinstance(check, ExistingRows)]
    skipping = [c for c in existing if c.table.on_conflict is OnConflict.SKIP]
    return {key for check in skipping for key in check.skipped}


def _checks_of(
    context: CheckContext, name: RelationName, existing: ExistingRows | None
) -> Iterator[RowCheck]:
    if existing is not None:
        yield existing
    nulls = null_check(context, name)
    if nulls is not None:
        yield nulls
    long = long_values_check(context, name)
    if long is not None:
        yield long
    yield from type_conversion_checks(context, name)
    yield from missing_parents_checks(context, name)
