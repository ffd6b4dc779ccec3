"""Compares the rows that a replay loaded with those that were exported, before it commits.

Everything happens in the transaction of the replay, after deferred triggers have fired: if a row
differs, nothing is kept. Rows that are new are known by their transaction id; rows that may have
existed before are found by their keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, filterfalse

import psycopg
from attrs import evolve

from replant.database.connections import DatabaseConnection, is_near, one_line
from replant.database.copy_stream import copied_rows, copied_together
from replant.database.session_settings import exact_names
from replant.database.sql import Composed
from replant.errors import ReplayError
from replant.model import (
    Check,
    OnConflict,
    PlannedTable,
    RelationName,
    name_a_few,
    readable,
)
from replant.replay.load_plan import Load
from replant.replay.refusals import WITHOUT_TRIGGERS
from replant.sql.closing_checks import CHECK_FAILED, SETTLE, check_rows, own_rows, staged_rows
from replant.sql.fingerprints import Fingerprint
from replant.sql.row_forms import Rows
from replant.verification.row_comparison import RowComparison

#: Tables with fewer rows than this are asked for together.
_FEW_ROWS = 1000

#: Rows that were loaded into a new table are then read in the order of the artifact.
_AS_THEY_LIE = "SET LOCAL synchronize_seqscans = off; SET LOCAL max_parallel_workers_per_gather = 0"

_WAYS_OUT = (
    f"{WITHOUT_TRIGGERS}; export without the column (omit under [[tables]]), so that the target "
    f"computes it; or compare counts alone (check = 'count' under [export])"
)


def check_loaded_rows(
    database: DatabaseConnection, load: Load, staged: frozenset[RelationName]
) -> None:
    """Compare the rows of every table with the exported ones.

    Args:
        database: the connection, in the transaction of the replay.
        load: what was loaded.
        staged: the tables whose rows came through a temporary table, which still has them.

    Raises:
        ReplayError: rows differ; the message names the first one.

    """
    check = load.artifact.manifest.check
    if check is Check.NONE or not load.tables:
        return
    database.execute(SETTLE)
    database.execute(_AS_THEY_LIE)
    streamed = list(_streamed(database, load))
    equal = set(_equal_together(database, load, list(filter(_is_small, streamed))))
    for table in filterfalse(_is_small, streamed):
        with exact_names(database, table):
            if _is_equal(database, load, table):
                equal.add(table.name)
    for table in _compared(load):
        if table.on_conflict.needs_key:
            with exact_names(database, table):
                _check_by_key(database, load, table, is_staged=table.name in staged)
            equal.add(table.name)
    _check_by_server(database, load, frozenset(load.tables.keys() - equal), staged)


def _compared(load: Load) -> Iterator[PlannedTable]:
    """Yield the tables whose rows are compared by content, if there are any."""
    if load.artifact.manifest.check is Check.CONTENT:
        for name, table in load.tables.items():
            if name in load.readable and table.row_count:
                yield table


def _streamed(database: DatabaseConnection, load: Load) -> Iterator[PlannedTable]:
    """Yield the tables whose rows are all new, where they pass quickly."""
    if is_near(database):
        for table in _compared(load):
            if table.on_conflict is OnConflict.ERROR:
                yield table


def _is_small(table: PlannedTable) -> bool:
    return table.row_count < _FEW_ROWS and not table.names_objects


def _equal_together(
    database: DatabaseConnection, load: Load, tables: Sequence[PlannedTable]
) -> Iterator[RelationName]:
    """Yield those of some small tables that hold what was exported."""
    forms = (load.artifact.manifest.table(table.name).row_form for table in tables)
    queries = (
        (own_rows(table, ordered=False), form.copy_out_options)
        for table, form in zip(tables, forms, strict=True)
    )
    answers = copied_together(database, queries, side="target")
    for table, rows in zip(tables, answers, strict=True):
        if _have_content(load, table.name, rows):
            yield table.name


def _is_equal(database: DatabaseConnection, load: Load, table: PlannedTable) -> bool:
    """Hash the rows of this transaction as they pass; False if the server should have a look.

    They are sorted only if they do not lie in the order of the artifact. Rows that another session
    committed meanwhile are among them; the server tells them from those of this transaction.
    """
    in_blocks = load.artifact.manifest.table(table.name).rows_per_block > 1
    return any(
        _fingerprint_is_right(database, load, table.name, own_rows(table, ordered=ordered))
        for ordered in ([False, True] if in_blocks else [False])
    )


def _check_by_key(
    database: DatabaseConnection, load: Load, table: PlannedTable, *, is_staged: bool
) -> None:
    """Compare the rows that have the exported keys, whoever wrote them, and when."""
    if is_staged:
        ordered = load.artifact.manifest.table(table.name).rows_per_block > 1
        query = staged_rows(load.tables, table.name, ordered=ordered)
        if _fingerprint_is_right(database, load, table.name, query):
            return
    difference = _first_difference(database, load, table)
    if difference or is_staged:
        raise _differs(load, table.name, difference)


def _fingerprint_is_right(
    database: DatabaseConnection, load: Load, name: RelationName, query: Composed
) -> bool:
    options = load.artifact.manifest.table(name).row_form.copy_out_options
    return _have_content(load, name, copied_rows(database, query, options, side="target"))


def _have_content(load: Load, name: RelationName, batches: Iterable[Rows]) -> bool:
    """Hash the rows of a table as they pass, and compare them with what was exported."""
    exported = load.artifact.manifest.table(name)
    found = Fingerprint(exported.rows_per_block)
    for rows in batches:
        found.add(rows)
    return exported.has_content(found.row_count, found.total)


def _check_by_server(
    database: DatabaseConnection,
    load: Load,
    names: frozenset[RelationName],
    staged: frozenset[RelationName],
) -> None:
    """Let the server compare counts and fingerprints, and find the row that differs if one does."""
    if not names:
        return
    ending = load.artifact.manifest.ending(load.tables, load.order.after, staged)
    try:
        with database.transaction():
            for statement in check_rows(ending, names):
                database.execute(statement)
    except psycopg.DatabaseError as error:
        schema, table = error.diag.schema_name, error.diag.table_name
        if error.sqlstate != CHECK_FAILED or not schema or not table:
            raise
        name = RelationName(schema, table)
        difference = ""
        if name in load.readable:
            with exact_names(database, load.tables[name]):
                difference = _first_difference(database, load, load.tables[name])
        raise _differs(load, name, difference, one_line(error)) from error


def _first_difference(database: DatabaseConnection, load: Load, table: PlannedTable) -> str:
    """Look up the exported rows by their keys; return the first that differs, for people."""
    if not table.key:
        return ""
    exported = evolve(load.artifact.manifest.table(table.name), rows=None)
    comparison = RowComparison(database, load.artifact, exported, table, {})
    differences = comparison.by_key().differences
    return str(differences[0]) if differences else ""


def _differs(load: Load, name: RelationName, difference: str, said: str = "") -> ReplayError:
    # One of another table may write into this one as well.
    firing = load.firing.get(name) or tuple(chain(*load.firing.values()))
    guilty = name_a_few(f"the {trigger}" for trigger in firing)
    suspects = f"{guilty}," if guilty else "a trigger, rule or column type"
    skips = load.tables[name].on_conflict in {OnConflict.SKIP, OnConflict.SAME}
    if skips and load.unique.get(name):
        listed = name_a_few(map(readable, sorted(load.unique[name])))
        suspects = f"{listed} may have made another row stand for it, or {suspects}"
    what = said or f"{name}: the rows differ from those that were exported"
    where = f", as {difference}" if difference else ""
    return ReplayError(
        f"{what}{where}; {suspects} may have changed it; nothing was replayed; {_WAYS_OUT}"
    )
