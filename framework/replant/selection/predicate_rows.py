"""Finds the rows that the configuration's conditions choose under the database's own settings.

Rows are read with settings that make their texts exact. Under these a condition such as
`at::date = '2024-05-01'` may choose others, so its rows are found first, and read by their places.
"""

from __future__ import annotations

from contextlib import suppress

import psycopg
from attrs import evolve
from psycopg import sql

from replant.database.connections import DatabaseConnection
from replant.database.session_settings import has_exact_settings, own_settings
from replant.errors import ConfigurationError
from replant.model import RelationName, Satisfies, Selection, Table
from replant.model.conditions import RowsAt, RowsIn
from replant.selection.select import SelectedTables
from replant.sql import row_queries as queries
from replant.sql.where_clauses import relation

#: A role may read the places of rows if it may read the system column.
_MAY_LOCATE = "SELECT pg_catalog.has_column_privilege({}::regclass, 'ctid', 'SELECT')"


def find_predicate_rows(database: DatabaseConnection, selected: SelectedTables) -> Selection:
    """Replace those conditions by the places of their rows that are not alike under both settings.

    Raises:
        ConfigurationError: a condition is not the same each time it is asked.

    """
    if has_exact_settings(database):
        return selected.rows
    found = dict(selected.rows)
    for name, chosen in selected.rows.items():
        predicates = tuple(c for c in chosen.conditions if isinstance(c, Satisfies))
        alone = {name: evolve(chosen, conditions=predicates)}
        if predicates and not _is_alike(database, alone, selected.tables[name]):
            others = [c for c in chosen.conditions if not isinstance(c, Satisfies)]
            conditions = (*others, find_rows(database, alone, name))
            found[name] = evolve(chosen, conditions=conditions)
    return found


def find_rows(database: DatabaseConnection, selection: Selection, name: RelationName) -> RowsAt:
    """Find the places of a table's rows under the database's own settings."""
    by_leaf: dict[int, list[tuple[int, int]]] = {}
    with own_settings(database):
        for leaf, block, line in database.execute(queries.places(selection, name)):
            by_leaf.setdefault(leaf, []).append((block, line))
    return RowsAt(tuple(RowsIn.of(leaf, places) for leaf, places in by_leaf.items()))


def _is_alike(database: DatabaseConnection, alone: Selection, table: Table) -> bool:
    """Tell whether the conditions choose the same rows under both settings.

    Raises:
        ConfigurationError: they do not choose the same twice.

    """
    (may_locate,) = database.execute(
        sql.SQL(_MAY_LOCATE).format(sql.Literal(relation(table.name).as_string()))
    ).fetchone() or (False,)
    query = queries.place_hash(alone, table.name)
    if not may_locate and table.identifying_columns:
        query = queries.key_hash(alone, table.name, table.identifying_columns)
    exact = None
    # A value such as '31/12/2024' is none under another DateStyle.
    with suppress(psycopg.DataError), database.transaction():
        exact = database.execute(query).fetchone()
    with own_settings(database):
        own = [database.execute(query).fetchone()]
        if own[0] != exact:
            own.append(database.execute(query).fetchone())
    if len(set(own)) > 1:
        raise ConfigurationError(
            f"the condition on the rows of {table.name} is not the same each time it is asked, as "
            f"with random(); choose the rows by what they hold"
        )
    return own[0] == exact
