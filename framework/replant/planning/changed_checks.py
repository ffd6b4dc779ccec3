"""Tries changed values against the CHECKs of their table and of their domains, while planning.

The first rows are read, changed, and judged by the source, which has the same conditions as the
target. What none of them breaks a later row may: then the replay is refused, and nothing is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import psycopg

from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_fields
from replant.database.session_settings import exact_names
from replant.errors import ConfigurationError
from replant.model import (
    Catalog,
    DomainType,
    Plan,
    PlannedColumn,
    PlannedTable,
    Text,
    readable,
)
from replant.planning.plugin_faults import blaming_plugins, described, row_namer
from replant.plugins.guarded import each_row
from replant.sql import row_queries as queries

#: So many rows are tried of each table: they are judged in one query, in a few milliseconds.
ROWS_TRIED = 100

_CHECK = re.compile(r"CHECK \((?P<condition>.*)\)(?: NO INHERIT| NOT VALID)*", re.DOTALL)


def try_changed_values(database: DatabaseConnection, plan: Plan, catalog: Catalog) -> None:
    """Refuse a plan by which a changed value breaks a CHECK.

    Args:
        database: the source, in the transaction in which the plan was made.
        plan: says which columns change, and how.
        catalog: what the source has.

    Raises:
        ConfigurationError: a value does; it names each table, with its columns and the CHECK.
        PluginError: a transform fails over a value.

    """
    problems = []
    for planned in plan.tables:
        changed = [column for column in planned.columns if column.transforms]
        conditions = dict(_conditions(catalog, planned)) if planned.row_count else {}
        if not conditions:
            continue
        broken = _broken(database, plan, planned, conditions)
        if broken is not None:
            plugins = sorted({plugin for column in changed for plugin in column.plugins})
            names = ", ".join(readable(column.name) for column in changed)
            problems.append(
                f"{planned.name}: values that {' and '.join(described(plan, p) for p in plugins)} "
                f"changes ({names}) break {broken}; change them in another way, or omit the column"
            )
    if problems:
        raise ConfigurationError("\n".join(problems))


def _broken(
    database: DatabaseConnection,
    plan: Plan,
    table: PlannedTable,
    conditions: Mapping[str, sql.Composable],
) -> str | None:
    """Return the first CHECK that a row breaks, or what a domain says; None if all is well."""
    rows = _changed_rows(database, plan, table)
    try:
        with database.transaction():  # a savepoint
            for check, condition in conditions.items():
                query = _judging(table, rows, condition)
                if database.execute(query).fetchone() is not None:
                    return f"its {check}"
    except psycopg.errors.CheckViolation as error:
        constraint, domain = error.diag.constraint_name, error.diag.datatype_name
        return f"the CHECK {constraint!r} of the domain {domain!r}"
    except (psycopg.DataError, psycopg.ProgrammingError):
        return None  # what a value cannot be as text, the replay tells with its row
    return None


def _conditions(catalog: Catalog, table: PlannedTable) -> Iterator[tuple[str, sql.Composable]]:
    """Yield the CHECKs that mention a changed column, and what makes domains judge their values."""
    domains = [
        sql.Identifier(column.name)
        for column in table.columns
        if column.transforms and isinstance(catalog.types.get(column.type), DomainType)
    ]
    if domains:
        yield (
            "domains",
            sql.SQL("pg_catalog.num_nulls({}) >= 0").format(sql.SQL(", ").join(domains)),
        )
    for check in catalog.tables[table.name].checks:
        condition = _CHECK.fullmatch(check)
        if condition is not None and _mentions(check, table.columns):
            yield check, sql.SQL(condition["condition"])


def _mentions(check: str, columns: Sequence[PlannedColumn]) -> bool:
    return any(
        column.transforms and re.search(rf"(?<!\w){re.escape(column.name)}(?!\w)", check)
        for column in columns
    )


def _changed_rows(
    database: DatabaseConnection, plan: Plan, table: PlannedTable
) -> list[tuple[Text, ...]]:
    query = queries.texts(plan.selection, table) + sql.SQL(" LIMIT {}").format(
        sql.Literal(ROWS_TRIED)
    )
    with exact_names(database, table), blaming_plugins(database, plan, table):
        found = [row for batch in copied_fields(database, query) for row in batch]

    def changed(row: tuple[bytes | None, ...]) -> tuple[Text, ...]:
        return tuple(
            column.in_python(None if text is None else text.decode())
            for column, text in zip(table.columns, row, strict=True)
        )

    return each_row(changed, found, row_namer(table))


def _judging(
    table: PlannedTable, rows: Sequence[tuple[Text, ...]], condition: sql.Composable
) -> sql.Composed:
    """Query whether a row breaks a condition over plain column names."""
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    texts = [[sql.SQL("{}::text").format(sql.Literal(text)) for text in row] for row in rows]
    listed = sql.SQL(", ").join(sql.SQL("({})").format(sql.SQL(", ").join(row)) for row in texts)
    typed = sql.SQL(", ").join(
        sql.SQL("CAST({0} AS {1}) AS {0}").format(sql.Identifier(c.name), sql.SQL(c.type))
        for c in table.columns
    )
    return sql.SQL(
        "SELECT FROM (SELECT {} FROM (VALUES {}) AS given ({}) OFFSET 0) AS changed "
        "WHERE NOT ({}\n) LIMIT 1"
    ).format(typed, listed, names, condition)
