"""Shows that a target holds the wanted rows after changes, by the rows that the changes touched.

Before the changes all rows were compared. Afterwards those rows need no second look that this
transaction did not touch: PostgreSQL writes into each version of a row which transaction made it.
What it touched must be the very rows that were to be inserted and updated, and what it did not
touch must be the other rows of before, told by their places.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, islice

from attrs import frozen

from replant.changes.table_changes import TableChanges
from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_rows
from replant.database.session_settings import exact_names
from replant.model import Catalog, PlannedTable, RelationKind, RelationName
from replant.sql import row_queries as queries
from replant.sql.fingerprints import Fingerprint
from replant.sql.row_forms import RowForm
from replant.sql.where_clauses import relation
from replant.synchronization.rows_in_target import RowsInTarget

#: So many rows are looked up in one query.
_ASKED = 1000


@frozen
class WantedRows:
    """What the changes of a table are to leave.

    Attributes:
        changes: the changes.
        form: the form of the rows.
        written: what the rows are together that are inserted or updated, as they are wanted.

    """

    changes: TableChanges
    form: RowForm
    written: Fingerprint


@frozen
class UntouchedRows:
    """The rows of a table that changes are not to touch.

    Attributes:
        row_count: how many they are.
        places: the sum of the hashes of their places.

    """

    row_count: int
    places: int


def find_untouched_rows(
    database: DatabaseConnection,
    catalog: Catalog,
    found: RowsInTarget,
    wanted: Mapping[RelationName, WantedRows],
) -> dict[RelationName, UntouchedRows]:
    """Find the rows that are to stay as they are, before anything changes.

    Returns:
        They by table; of tables whose rows can be told by their places, and by a unique key, and of
        which most rows stay.

    """
    told = [
        name
        for name, rows in wanted.items()
        if name in found.owned
        and _has_places(catalog, rows.changes.table)
        and not _is_much(rows.changes, found.owned_counts[name])
    ]
    return {
        name: _before(database, found, wanted[name]) for name in told if _may_locate(database, name)
    }


def is_as_wanted(
    database: DatabaseConnection,
    found: RowsInTarget,
    before: UntouchedRows,
    wanted: WantedRows,
) -> bool:
    """Tell whether the owned rows of a table are the untouched ones and those that were written.

    Args:
        database: the transaction that changed the rows.
        found: the rows that the target has now.
        before: the rows that were to stay.
        wanted: the others.

    """
    table = wanted.changes.table
    selection = {**found.selection, table.name: found.owned[table.name]}
    query = queries.untouched_places(selection, table.name)
    count, places = database.execute(query).fetchone() or (0, 0)
    if UntouchedRows(count, int(places or 0)) != before:
        return False
    query = queries.touched_fields(selection, table)
    touched = Fingerprint()
    with exact_names(database, table):
        options = wanted.form.copy_out_options
        for rows in copied_rows(database, query, options, side="target"):
            touched.add(rows)
    return touched.part == wanted.written.part


def _is_much(changes: TableChanges, row_count: int) -> bool:
    """Tell whether to look up the rows that change takes longer than to compare all of them."""
    looked_up = len(changes.updated) + len(changes.deleted)
    return looked_up > max(_ASKED, row_count // 4)


def _before(database: DatabaseConnection, found: RowsInTarget, wanted: WantedRows) -> UntouchedRows:
    table = wanted.changes.table
    selection = {**found.selection, table.name: found.owned[table.name]}
    query = queries.counted_places(selection, table.name)
    count, places = database.execute(query).fetchone() or (0, 0)
    changes = wanted.changes
    keys = chain(
        (tuple(row.key.values()) for row in changes.updated),
        (changes.key_of(row) for row in changes.deleted),
    )
    total = int(places or 0)
    with exact_names(database, table):
        while asked := list(islice(keys, _ASKED)):
            query = queries.places_by_key(table, asked)
            number, lost = database.execute(query).fetchone() or (0, 0)
            count, total = count - number, total - int(lost or 0)
    return UntouchedRows(count, total)


def _may_locate(database: DatabaseConnection, name: RelationName) -> bool:
    """Tell whether the role may read where rows are; SELECT on each column is not enough."""
    query = sql.SQL("SELECT pg_catalog.has_table_privilege({}::regclass, 'SELECT')")
    (may,) = database.execute(query.format(sql.Literal(relation(name).as_string()))).fetchone() or (
        False,
    )
    return bool(may)


def _has_places(catalog: Catalog, table: PlannedTable) -> bool:
    """Tell whether rows have places in the table itself, and a key tells them apart there."""
    live = catalog.tables[table.name]
    keys = [live.primary_key, *live.unique_keys]
    required = {column.name for column in live.columns if column.not_null}
    unique = any(key and {*key} <= {*table.key} and required.issuperset(key) for key in keys)
    return unique and live.kind is RelationKind.TABLE
