"""Makes the manifest of a plan, with what was found while its rows were written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from replant import __version__
from replant.artifact.manifest import (
    VERSION,
    AskedCondition,
    DataFile,
    ExportedColumn,
    ExportedReference,
    ExportedTable,
    Manifest,
    Runs,
)
from replant.model import (
    COPY,
    ColumnIs,
    Layout,
    LinkedTo,
    LoadOrder,
    LoadTable,
    Plan,
    PlannedTable,
    RelationName,
    Satisfies,
)
from replant.model.conditions import RowsAt, queryable
from replant.model.table_shape import TableShape
from replant.sql.fingerprints import Block, Fingerprint
from replant.sql.load_statements import may_be_copied
from replant.sql.row_forms import COPY_ROWS, INSERT_ROWS, RowForm


def manifest_of(
    plan: Plan,
    fingerprints: Mapping[RelationName, Fingerprint] | None = None,
    files: Mapping[RelationName, DataFile] | None = None,
    step_offsets: Sequence[int | None] = (),
    shared: Mapping[RelationName, Runs] | None = None,
) -> Manifest:
    """Make the manifest of a plan; without fingerprints while the rows are not yet exported."""
    tables = {table.name: table for table in plan.tables}
    forms = row_forms(plan.layout, plan.format, plan.order, tables)
    by_conditions = _queryable(plan)
    return Manifest(
        version=VERSION,
        replant=__version__,
        postgresql=plan.source_version,
        plugins=plan.plugins,
        scope=plan.scope,
        layout=plan.layout,
        format=plan.format,
        compression=plan.compression,
        check=plan.check,
        seen_as=plan.seen_as,
        strategy=plan.strategy,
        order=plan.order,
        sequences=plan.sequences,
        omissions=plan.omissions,
        tables=tuple(
            _exported_table(
                table,
                (fingerprints or {}).get(name, Fingerprint()),
                forms[name],
                plan.shapes[name],
                rows=_conditions(table) if name in by_conditions else None,
                shared=(shared or {}).get(name, ()),
                file=None if files is None else files[name],
            )
            for name, table in tables.items()
        ),
        references=tuple(_references(plan)),
        roots=plan.closure_origin.roots,
        types=plan.types,
        step_offsets=tuple(step_offsets),
    )


def _exported_table(
    table: PlannedTable,
    fingerprint: Fingerprint,
    form: RowForm,
    shape: TableShape,
    *,
    rows: tuple[AskedCondition, ...] | None,
    shared: Runs,
    file: DataFile | None,
) -> ExportedTable:
    """Describe a table by its plan and by what was found while its rows were written."""
    return ExportedTable(
        name=table.name,
        columns=tuple(
            ExportedColumn(
                column.name,
                column.type,
                column.always_identity,
                table.rows.equality.get(column.name),
                column.changes,
            )
            for column in table.columns
        ),
        key=table.key,
        rows=rows,
        only=table.rows.only,
        on_conflict=table.on_conflict,
        row_count=table.row_count,
        fingerprint=f"{fingerprint.total:016x}",
        form=form.name,
        shape=evolve(shape, types=()),
        ownership=table.shared.ownership,
        shared=shared,
        match=table.match,
        file=file,
        ordered=fingerprint.key_of is not None,
        rows_per_block=fingerprint.rows_per_block,
        blocks=_worth_it(fingerprint.blocks),
    )


def row_forms(
    layout: Layout, format_name: str, order: LoadOrder, tables: Mapping[RelationName, PlannedTable]
) -> dict[RelationName, RowForm]:
    """Return the form in which the rows of each table are written.

    A directory has rows of COPY. A SQL file in the format `copy` has them wherever one COPY loads
    the whole rows of a table, and rows of an INSERT elsewhere.
    """
    if layout is Layout.DIRECTORY:
        return dict.fromkeys(tables, COPY_ROWS)
    copied = {
        step.table
        for step in order.steps
        if isinstance(step, LoadTable) and format_name == COPY and may_be_copied(tables[step.table])
    }
    return {name: COPY_ROWS if name in copied else INSERT_ROWS for name in tables}


def _worth_it(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Return the blocks, unless there is but one, of which the fingerprint tells enough."""
    return blocks if len(blocks) > 1 else ()


def _references(plan: Plan) -> Iterator[ExportedReference]:
    """Return the references by which the rows of the artifact can be joined."""
    columns = {table.name: set(table.column_names) for table in plan.tables}
    for followed in plan.closure_origin.references:
        reference, only = followed.reference, followed.reference.only
        casts = [(p.comparison.own_type, p.comparison.referenced_type) for p in reference.pairs]
        own = {*reference.columns, *([only.column] if only else [])}
        others = set(reference.referenced_columns)
        if own <= columns.get(reference.table, set()) and others <= columns.get(
            reference.references, set()
        ):
            yield ExportedReference(
                table=reference.table,
                name=reference.name,
                columns=reference.columns,
                references=reference.references,
                referenced_columns=reference.referenced_columns,
                up=followed.up,
                down=followed.down,
                limit=followed.limit,
                sample=(
                    (followed.sample.amount, followed.sample.seed) if followed.sample else None
                ),
                elements=reference.elements,
                only=(only.column, only.value) if only else None,
                casts=tuple(casts) if any(map(any, casts)) else (),
            )


def _queryable(plan: Plan) -> frozenset[RelationName]:
    """Return the tables whose exported rows the target can select by conditions alone."""
    asked = _condition_columns(plan)
    blocked = {
        table.name
        for table in plan.tables
        if any(isinstance(c, Satisfies | RowsAt) for c in table.rows.conditions)
        or not asked[table.name].isdisjoint(_transformed(table))
        or _would_choose_both(table)
    }
    return queryable({table.name: table.rows.conditions for table in plan.tables}, blocked)


def _transformed(table: PlannedTable) -> set[str]:
    """Return the columns by whose new values the target cannot be asked."""
    return {column.name for column in table.columns if not column.keeps_apart}


def _would_choose_both(table: PlannedTable) -> bool:
    """Tell whether conditions hold for the rows as they were, and for those that became of them.

    So it is where rows get new keys and are chosen by what stays, or all rows are chosen. In a
    database that has both, the rows as they were would be taken for rows that are too many.
    """
    renewed = {c.name for c in table.columns if c.transforms and c.keeps_apart}
    return bool(renewed) and not any(
        isinstance(condition, ColumnIs | LinkedTo)
        and not renewed.isdisjoint(_columns_of(condition))
        for condition in table.rows.conditions
    )


def _columns_of(condition: ColumnIs | LinkedTo) -> set[str]:
    """Return the columns that a condition reads of its own table."""
    if isinstance(condition, ColumnIs):
        return {condition.column}
    return {column for link in condition.links for column in link.columns}


def _condition_columns(plan: Plan) -> Mapping[RelationName, set[str]]:
    """Return the columns of each table that conditions of any table read."""
    found: defaultdict[RelationName, set[str]] = defaultdict(set)
    for table in plan.tables:
        for condition in table.rows.conditions:
            if isinstance(condition, ColumnIs | LinkedTo):
                found[table.name] |= _columns_of(condition)
            for link in condition.links if isinstance(condition, LinkedTo) else ():
                found[link.other].update(link.other_columns)
    return found


def _conditions(table: PlannedTable) -> tuple[AskedCondition, ...]:
    """Return the table's conditions as they hold in the target, where left-out rows are missing."""
    asked = (c for c in table.rows.conditions if isinstance(c, AskedCondition))
    return tuple(
        evolve(c, value=table.new_values.get(c.column, c.value)) if isinstance(c, ColumnIs) else c
        for c in asked
    )
