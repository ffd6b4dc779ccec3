"""Evaluates once the conditions that might answer otherwise when they are asked again.

An export asks for the chosen rows many times: to count them, to look for dangling references, to
read them. A condition such as `random() < 0.05` would choose other rows each time. And rows are
read with settings that make their texts exact, under which `at::date = '2024-05-01'` may choose
others than under the database's own. So the rows of such conditions are found first, under the
database's own settings, and from then on their places stand for the condition.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress

import psycopg
from attrs import evolve

from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.database.planner_settings import contradictions_proved
from replant.database.session_settings import has_exact_settings, own_settings
from replant.errors import CatalogMismatchError
from replant.model import (
    ChosenRows,
    ColumnIs,
    Condition,
    RelationName,
    Satisfies,
    Selection,
    Table,
)
from replant.model.conditions import RowsAt, RowsIn
from replant.selection.select import SelectedTables
from replant.sql import row_queries as queries
from replant.sql.where_clauses import relation

#: A role may read the places of rows if it may read the system column.
_MAY_LOCATE = "SELECT pg_catalog.has_column_privilege({}::regclass, 'ctid', 'SELECT')"

_FOREIGN = """
SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%s::oid[]) AND c.relkind = 'f' ORDER BY 1
"""


def find_predicate_rows(
    database: DatabaseConnection,
    selected: SelectedTables,
    rows: Selection,
    names: Collection[RelationName],
) -> Selection:
    """Note the places of their rows in those conditions that might answer otherwise later.

    Args:
        database: the transaction in whose snapshot the places of rows hold.
        selected: the tables.
        rows: the selection; its conditions are valid.
        names: the tables whose conditions are looked at.

    Raises:
        CatalogMismatchError: such rows lie in a foreign table, where they have no place.

    """
    found = dict(rows)
    for name in sorted(names):
        chosen = rows[name]
        asked = [c for c in chosen.conditions if isinstance(c, Satisfies) and c.at is None]
        alone = {name: evolve(chosen, conditions=tuple(asked))}
        if not asked or (
            _are_steady(database, name, asked)
            and (has_exact_settings(database) or _is_alike(database, alone, selected.tables[name]))
        ):
            continue
        narrow = tuple(c for c in chosen.conditions if isinstance(c, ColumnIs | RowsAt))
        conditions = (
            evolve(c, at=find_rows(database, _with(chosen, name, (*narrow, c)), name))
            if c in asked
            else c
            for c in chosen.conditions
        )
        found[name] = evolve(chosen, conditions=tuple(conditions))
    return found


def _with(chosen: ChosenRows, name: RelationName, conditions: tuple[Condition, ...]) -> Selection:
    return {name: evolve(chosen, conditions=conditions)}


def _are_steady(
    database: DatabaseConnection, name: RelationName, predicates: Iterable[Satisfies]
) -> bool:
    """Tell whether the planner proves that each predicate has one answer for each row."""
    with own_settings(database), contradictions_proved(database):
        for predicate in predicates:
            ((((plan,),)),) = database.execute(queries.explain_contradiction(name, predicate.sql))
            if plan["Plan"].get("One-Time Filter") != "false":
                return False
    return True


def find_rows(database: DatabaseConnection, selection: Selection, name: RelationName) -> RowsAt:
    """Find the places of a table's rows under the database's own settings.

    Raises:
        CatalogMismatchError: some lie in a foreign table.

    """
    by_leaf: dict[int, list[tuple[int, int]]] = {}
    with own_settings(database):
        for leaf, block, line in database.execute(queries.places(selection, name)):
            by_leaf.setdefault(leaf, []).append((block, line))
    foreign = database.execute(_FOREIGN.encode(), [list(by_leaf)]).fetchall()
    if foreign:
        raise CatalogMismatchError(
            f"rows of {', '.join(leaf for (leaf,) in foreign)}, a foreign table, have no lasting "
            f"place, by which those of {name} would be known for which a condition held that may "
            f"answer otherwise when it is asked again; choose them by a condition without "
            f"subqueries and functions that are not IMMUTABLE"
        )
    return RowsAt(tuple(RowsIn.of(leaf, places) for leaf, places in by_leaf.items()))


def _is_alike(database: DatabaseConnection, alone: Selection, table: Table) -> bool:
    """Tell whether the conditions choose the same rows under both settings."""
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
        return database.execute(query).fetchone() == exact
