"""The statements that load rows through temporary tables.

Rows are put into a temporary table first, and one statement inserts them from there. The server
then parses no list of rows, however many there are, and checks the foreign keys of all tables at
the end of the statement; and the keys are at hand when the loaded rows are compared. A temporary
table is dropped when the transaction ends. The role needs TEMPORARY on the database, and no
privilege to read from its own temporary tables.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from replant.database import sql
from replant.model import OnConflict, PlannedTable
from replant.sql.conflict import changing, differs, on_conflict, updated_rows
from replant.sql.unique_matches import alike, index_terms
from replant.sql.where_clauses import columns, equals, relation


@frozen
class Staging:
    """A table whose rows come through a temporary table.

    Attributes:
        table: as the target has it.
        number: tells the temporary tables of a transaction apart.
        separate_columns: columns whose values come apart from the rows, each with the row's key.

    """

    table: PlannedTable
    number: int
    separate_columns: tuple[str, ...] = ()

    @property
    def rows(self) -> sql.Composable:
        """The temporary table for the rows."""
        return sql.Identifier("pg_temp", f"replant_rows_{self.number}")

    @property
    def separate(self) -> sql.Composable:
        """The temporary table for the separate columns."""
        return sql.Identifier("pg_temp", f"replant_separate_{self.number}")

    @property
    def separate_with_key(self) -> tuple[str, ...]:
        """The columns of the temporary table for the separate columns."""
        return self.table.key + self.separate_columns


def create_all(staged: Sequence[Staging]) -> bytes:
    """Compose CREATE for the temporary tables, with the column types of the tables.

    CREATE TABLE AS and LIKE would need SELECT on the table.
    """
    made = [_create(one.rows, one.table, one.table.column_names) for one in staged]
    made += [
        _create(one.separate, one.table, one.separate_with_key)
        for one in staged
        if one.separate_columns
    ]
    return _bytes(sql.SQL("").join(made))


def insert_all(staged: Sequence[Staging], *, counted: bool) -> bytes:
    """Compose the one statement that inserts all rows.

    It returns how many rows each table took, and then how many of them it updated; NULL where
    that is counted on the way, since ON CONFLICT updates them.
    """
    ctes: list[sql.Composable] = []
    counts: list[sql.Composable] = []
    changes: list[sql.Composable] = []
    for place, one in enumerate(staged):
        ctes.append(_in_cte(_name(place), _insert_from(place, one, counted=counted)))
        counts.append(_count(_name(place)))
        changes.append(sql.SQL("NULL"))
        if _is_updated_apart(one):
            ctes.append(_in_cte(_updates(place), _update_from(one)))
            changes[-1] = _count(_updates(place))
            counts[-1] = sql.SQL("{} + {}").format(counts[-1], changes[-1])
    return _bytes(
        sql.SQL("WITH {} SELECT {};\n").format(
            sql.SQL(", ").join(ctes), sql.SQL(", ").join([*counts, *changes])
        )
    )


def insert_all_quietly(staged: Sequence[Staging]) -> bytes:
    """Compose the same for a SQL file: nothing is returned, since psql would print it."""
    *others, last = (_insert_from(place, one, counted=False) for place, one in enumerate(staged))
    ctes = [_in_cte(_name(place), insert) for place, insert in enumerate(others)]
    lead = sql.SQL("WITH {} ").format(sql.SQL(", ").join(ctes)) if ctes else sql.SQL("")
    return _bytes(sql.SQL("{}{};\n").format(lead, last))


def _in_cte(name: sql.Composable, change: sql.Composable) -> sql.Composed:
    return sql.SQL("{} AS ({} RETURNING 1)").format(name, change)


def _count(name: sql.Composable) -> sql.Composed:
    return sql.SQL("(SELECT count(*) FROM {})").format(name)


def same_key(table: PlannedTable, left: str, right: str) -> sql.Composed:
    """Compose a condition: the rows under two aliases have the same key."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} {} {}").format(
            sql.Identifier(left, name),
            equals(table.rows.equality.get(name)),
            sql.Identifier(right, name),
        )
        for name in table.key
    )


def _insert_from(place: int, staged: Staging, *, counted: bool) -> sql.Composed:
    table = staged.table
    into = sql.SQL("INSERT INTO {} AS t0 ({}) {}").format(
        relation(table.name),
        columns(table.column_names),
        sql.SQL("OVERRIDING SYSTEM VALUE " if table.overriding else ""),
    )
    if table.matching is not None:
        return into + _new_rows(staged)
    return sql.SQL("{}SELECT {} FROM {} {}").format(
        into,
        sql.SQL(", ").join(_values(staged).values()),
        _staged_rows(staged),
        sql.SQL(on_conflict(table, updated_rows(place) if counted else None).decode()),
    )


def _staged_rows(staged: Staging) -> sql.Composed:
    """Compose what stands behind FROM: the staged rows, with those of their columns kept apart."""
    source = sql.SQL("{} AS r").format(staged.rows)
    if not staged.separate_columns:
        return source
    return sql.SQL("{} LEFT JOIN {} AS p ON {}").format(
        source, staged.separate, same_key(staged.table, "r", "p")
    )


def _values(staged: Staging) -> dict[str, sql.Composable]:
    """Return what stands for each column of a staged row."""
    return {
        name: sql.Identifier("p" if name in staged.separate_columns else "r", name)
        for name in staged.table.column_names
    }


def _new_rows(staged: Staging) -> sql.Composed:
    """Select those staged rows that no row of the table is like.

    A row that is to be updated is known by its key alone; one that shares another unique value is
    a mistake, which the index refuses.
    """
    table, values = staged.table, _values(staged)
    source: list[sql.Composable] = [_staged_rows(staged)]
    absent: list[sql.Composable] = []
    if table.on_conflict is OnConflict.UPDATE:
        absent.append(_absent(relation(table.name) + sql.SQL(" AS t0"), same_key(table, "t0", "r")))
    else:
        for place, index in enumerate(table.matching or ()):
            mine = {name: sql.Identifier("t0", name) for name in index.columns}
            source.append(index_terms(index, f"u{place}", values))
            rows = sql.SQL("{} AS t0 CROSS JOIN {}").format(
                relation(table.name), index_terms(index, "v", mine)
            )
            absent.append(_absent(rows, alike(index, "v", f"u{place}")))
    return sql.SQL("SELECT {} FROM {} WHERE {}").format(
        sql.SQL(", ").join(values.values()),
        sql.SQL(" CROSS JOIN ").join(source),
        sql.SQL(" AND ").join(absent or [sql.SQL("true")]),
    )


def _absent(rows: sql.Composable, condition: sql.Composable) -> sql.Composed:
    return sql.SQL("NOT EXISTS (SELECT FROM {} WHERE {})").format(rows, condition)


def _is_updated_apart(staged: Staging) -> bool:
    table = staged.table
    by_query = table.matching is not None
    return by_query and table.on_conflict is OnConflict.UPDATE and bool(changing(table))


def _update_from(staged: Staging) -> sql.Composed:
    """Compose an UPDATE of the rows that have the keys of staged rows and differ from these."""
    table, values = staged.table, _values(staged)
    changed = changing(table)
    given = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(value, sql.Identifier(name))
            for name, value in values.items()
        ),
        _staged_rows(staged),
    )
    return sql.SQL("UPDATE {} AS t0 SET {} FROM ({}) AS r WHERE {} AND {}").format(
        relation(table.name),
        sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(c.name), sql.Identifier("r", c.name))
            for c in changed
        ),
        given,
        same_key(table, "t0", "r"),
        differs(table, "t0", "r"),
    )


def _create(name: sql.Composable, table: PlannedTable, names: Sequence[str]) -> sql.Composed:
    types = {column.name: column.type for column in table.columns}
    listed = (sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(types[n])) for n in names)
    return sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP;\n").format(
        name, sql.SQL(", ").join(listed)
    )


def _name(place: int) -> sql.Composable:
    return sql.Identifier(str(place))


def _updates(place: int) -> sql.Composable:
    return sql.Identifier(f"updates {place}")


def _bytes(part: sql.Composable) -> bytes:
    return part.as_string().encode()
