"""Composes the one statement that changes rows of several tables, and what is asked before it.

PostgreSQL checks foreign keys at the end of a statement, so one statement may change rows that
reference each other in any order: in a cycle, with constraints that cannot be deferred, and with no
privilege but those for the changes themselves. Unique keys are checked row by row, so deletions
come first, then updates, then insertions: each part waits for the one before by reading its counts.
PostgreSQL manual, "Data-Modifying Statements in WITH" and "CREATE TABLE", REFERENCES.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from attrs import evolve, frozen

from replant.changes.table_changes import PackedRows, RowValues, TableChanges
from replant.closure import reference_conditions as declared
from replant.database import sql
from replant.model import ForeignKey, PlannedTable, RelationName, Selection, Text
from replant.model.references import Reference
from replant.sql.row_forms import INSERT_ROWS
from replant.sql.row_text import text_expression
from replant.sql.staging_tables import Staging, same_key
from replant.sql.where_clauses import chosen_from, columns, null_of, references, relation

#: The number of a row beside its columns; no column has the name of a system column.
_NUMBER = sql.Identifier("cmin")

#: Where a row is: its table or partition by its oid, and the text of its `ctid`.
Place = tuple[int, str]

#: So many rows come through a temporary table, where the role may make one: a statement that lists
#: them takes the server three times as long to read, and may not be longer than 1 GB.
_MANY = 5000


class ChangingStatement:
    """One statement for all changes; its row has a count for each of its parts.

    Attributes:
        parts: of each part the table, what it does, and how many rows it should change.
        staged: the rows that the statement takes from temporary tables.

    """

    def __init__(
        self,
        changes: Sequence[TableChanges],
        places: Mapping[RelationName, Sequence[Place]],
        *,
        may_stage: bool,
    ) -> None:
        """Compose the parts.

        Args:
            changes: those of each table.
            places: where the deleted rows of tables without a key are.
            may_stage: whether the role may make temporary tables, for rows that are many.

        """
        self._may_stage = may_stage
        self.staged: list[StagedChanges] = []
        self.parts: list[tuple[RelationName, str, int]] = []
        self._expressions: list[sql.Composed] = []
        self._barrier: sql.Composable = sql.SQL("true")
        for each in changes:
            if each.deleted:
                delete = (
                    self._delete_by_key(each)
                    if each.table.key
                    else _delete_at(each.table, places[each.table.name])
                )
                self._add(each.table, "deleted", len(each.deleted), delete)
        self._wait("deleted")
        for each in changes:
            for names, rows in each.updated.by_columns():
                self._add(each.table, "updated", len(rows), self._update(each.table, names, rows))
        self._wait("updated")
        for each in changes:
            if each.inserted:
                self._add(each.table, "inserted", len(each.inserted), self._insert(each))

    def compose(self) -> sql.Composed:
        """Compose the statement."""
        counts = sql.SQL(", ").join(self._count(place) for place, _ in enumerate(self.parts))
        return sql.SQL("WITH {} SELECT {}").format(sql.SQL(", ").join(self._expressions), counts)

    def _add(self, table: PlannedTable, what: str, number: int, change: sql.Composed) -> None:
        name = sql.Identifier(str(len(self.parts)))
        self._expressions.append(sql.SQL("{} AS ({} RETURNING 1)").format(name, change))
        self.parts.append((table.name, what, number))

    def _wait(self, name: str) -> None:
        """Let what is added from now on wait for all that was added before."""
        if not self.parts:
            return
        total = sql.SQL(" + ").join(self._count(place) for place, _ in enumerate(self.parts))
        self._expressions.append(
            sql.SQL("{} AS MATERIALIZED (SELECT {} AS n)").format(sql.Identifier(name), total)
        )
        self._barrier = sql.SQL("(SELECT n FROM {}) >= 0").format(sql.Identifier(name))

    @staticmethod
    def _count(place: int) -> sql.Composed:
        return sql.SQL("(SELECT count(*) FROM {})").format(sql.Identifier(str(place)))

    def _update(self, table: PlannedTable, names: Sequence[str], rows: PackedRows) -> sql.Composed:
        return sql.SQL("UPDATE {} AS t0 SET {} FROM {} WHERE {} AND {}").format(
            _target(table),
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("r", name))
                for name in names
            ),
            self._rows(table, rows.names, rows),
            same_key(table, "t0", "r"),
            self._barrier,
        )

    def _insert(self, changes: TableChanges) -> sql.Composed:
        table = changes.table
        names = table.column_names
        # A table may have no column that can be written; then no list of them is allowed.
        listed = sql.SQL("({}) ").format(columns(names)) if names else sql.SQL("")
        return sql.SQL("INSERT INTO {} {}{}SELECT {} FROM {} WHERE r.{} > 0 AND {}").format(
            relation(table.name),
            listed,
            sql.SQL("OVERRIDING SYSTEM VALUE " if table.overriding else ""),
            sql.SQL(", ").join(sql.Identifier("r", name) for name in names),
            self._rows(table, names, changes.inserted),
            _NUMBER,
            self._barrier,
        )

    def _delete_by_key(self, changes: TableChanges) -> sql.Composed:
        table = changes.table
        return sql.SQL("DELETE FROM {} AS t0 USING {} WHERE {}").format(
            _target(table),
            self._rows(table, table.key, changes.deleted),
            same_key(table, "t0", "r"),
        )

    def _rows(self, table: PlannedTable, names: Sequence[str], rows: PackedRows) -> sql.Composed:
        """Compose what holds some columns of rows under the alias `r`; see `_listed`."""
        if not self._may_stage or len(rows) < _MANY:
            return _listed(table, names, rows)
        known = {column.name: column for column in table.columns}
        staging = Staging(table.with_columns(known[name] for name in names), len(self.staged))
        self.staged.append(StagedChanges(staging, rows))
        return sql.SQL("(SELECT {}, 1 FROM {}) AS r ({})").format(
            columns(names), staging.rows, sql.SQL(", ").join([columns(names), _NUMBER])
        )


@frozen
class StagedChanges:
    """Rows on their way into a temporary table.

    Attributes:
        staging: the temporary table, with the columns that it has.

    """

    staging: Staging
    rows: PackedRows

    @property
    def lines(self) -> Iterator[bytes]:
        """The rows as COPY takes them."""
        return self.rows.copied(self.staging.table.column_names)


def set_to_null(table: PlannedTable, column: str, keys: Sequence[Sequence[Text]]) -> sql.Composed:
    """Compose an UPDATE that sets a column of some rows to NULL."""
    rows = [dict(zip(table.key, key, strict=True)) for key in keys]
    return sql.SQL("UPDATE {} AS t0 SET {} = NULL FROM {} WHERE {}").format(
        _target(table),
        sql.Identifier(column),
        _listed(table, table.key, rows),
        same_key(table, "t0", "r"),
    )


def keys_that_act(name: RelationName | None = None) -> sql.Composed:
    """Select the foreign keys that do something when a row is deleted which they reference.

    ON DELETE NO ACTION does nothing if at the end of the statement another row has the key.

    Args:
        name: the referenced table; None for all.

    """
    to: sql.Composable = sql.SQL("true")
    if name is not None:
        own = sql.Literal(relation(name).as_string())
        to = sql.SQL("k.confrelid = {}::regclass").format(own)
    return sql.SQL(
        "SELECT n.nspname, c.relname, k.conname, k.confdeltype::text"
        " FROM pg_catalog.pg_constraint AS k"
        " JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE k.contype = 'f' AND k.confdeltype <> 'a' AND {} ORDER BY 1, 2, 3"
    ).format(to)


def referencing_rows(
    key: ForeignKey,
    child: tuple[PlannedTable, Sequence[str]],
    parent: PlannedTable,
    rows: Sequence[RowValues],
) -> sql.Composed:
    """Select rows that reference some rows by a foreign key.

    Columns: the texts of the wanted columns. A row whose period references several of the rows
    comes once for each.

    Args:
        key: the foreign key.
        child: its table, and the columns that are wanted of it, also the place of a row.
        parent: the referenced table.
        rows: the referenced rows: their keys, or the values that the key references.

    """
    table, wanted = child
    selection: Selection = {parent.name: parent.rows, table.name: table.rows}
    plain = {name: evolve(rows, conditions=()) for name, rows in selection.items()}
    names = parent.key or key.referenced_columns
    return sql.SQL("SELECT {} FROM {} JOIN {} ON {} JOIN {} ON {}").format(
        _texts(wanted),
        chosen_from(plain, table.name),
        chosen_from(plain, parent.name, alias="t1"),
        references(plain, key, "t0", "t1"),
        _listed(parent, names, rows),
        same_key(_with_key(parent, names), "t1", "r"),
    )


def declared_rows(
    reference: Reference,
    child: tuple[PlannedTable, Sequence[str]],
    parent: PlannedTable,
    rows: Sequence[RowValues],
) -> sql.Composed:
    """Select rows that reference some rows by a declared reference; see `referencing_rows`."""
    table, wanted = child
    names = parent.key or reference.referenced_columns
    plain = {t.name: evolve(t.rows, conditions=()) for t in (table, parent)}
    return sql.SQL("SELECT {} FROM {}{} JOIN {} ON {} JOIN {} ON {}").format(
        _texts(wanted),
        chosen_from(plain, table.name),
        declared.elements(reference, "t0") if reference.elements else sql.SQL(""),
        chosen_from(plain, parent.name, alias="t1"),
        declared.references(reference, own="t0", other="t1"),
        _listed(parent, names, rows),
        same_key(_with_key(parent, names), "t1", "r"),
    )


def _texts(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(text_expression(sql.Identifier("t0", name)) for name in names)


def _with_key(table: PlannedTable, names: Sequence[str]) -> PlannedTable:
    return PlannedTable(table.name, table.columns, tuple(names), rows=table.rows)


def places_by_content(changes: TableChanges) -> sql.Composed:
    """Select where deleted rows without a key are: of each content as many as are to be deleted.

    Rows of the same content cannot be told apart, so any of them will do. The texts are those of
    the settings under which rows are read.
    """
    table = changes.table
    names = table.column_names
    contents = sorted(
        (tuple(row[name] for name in names) for row in changes.deleted),
        key=lambda row: [(text is None, text) for text in row],
    )
    counted = [(row, len(list(same))) for row, same in groupby(contents)]
    rows = [
        sql.SQL("({})").format(sql.SQL(", ").join([_text(value) for value in (*row, str(number))]))
        for row, number in counted
    ]
    same = sql.SQL(" AND ").join(
        sql.SQL("{} IS NOT DISTINCT FROM {}").format(
            text_expression(sql.Identifier("t0", name)), sql.Identifier("r", f"k{place}")
        )
        for place, name in enumerate(names)
    )
    return sql.SQL(
        "SELECT f.leaf, f.place::text FROM ("
        "SELECT t0.tableoid AS leaf, t0.ctid AS place, r.number::bigint AS wanted,"
        " row_number() OVER (PARTITION BY r::text ORDER BY t0.tableoid, t0.ctid) AS number"
        " FROM {0} AS t0 JOIN (VALUES {1}) AS r ({2}) ON {3}) AS f"
        " WHERE f.number <= f.wanted"
    ).format(
        _target(table),
        sql.SQL(", ").join(rows),
        sql.SQL(", ").join(
            [*(sql.Identifier(f"k{place}") for place, _ in enumerate(names)), sql.SQL("number")]
        ),
        same if names else sql.SQL("true"),
    )


def _delete_at(table: PlannedTable, places: Sequence[Place]) -> sql.Composed:
    return sql.SQL(
        "DELETE FROM {} AS t0 WHERE (t0.tableoid, t0.ctid) IN"
        " (SELECT * FROM unnest({}::oid[], {}::tid[]))"
    ).format(
        _target(table),
        sql.Literal([leaf for leaf, _ in places]),
        sql.Literal([place for _, place in places]),
    )


def _text(value: Text) -> sql.Composable:
    return sql.SQL("NULL::text") if value is None else sql.SQL("{}::text").format(value)


def _listed(table: PlannedTable, names: Sequence[str], rows: Sequence[RowValues]) -> sql.Composed:
    """Compose VALUES under the alias `r`, with the number of each row behind its columns.

    A first row of typed NULLs lets each type's input function read the values. Its number is 0, and
    its key equals no other.
    """
    typed = [null_of(table.name, name) for name in names]
    first = sql.SQL("({})").format(sql.SQL(", ").join([*typed, sql.SQL("0")]))
    # Composed as literals one by one, rows took five times as long.
    comma = "," if names else ""
    lines = [
        sql.SQL(f"({INSERT_ROWS.row([row[name] for name in names]).decode()}{comma}{number})")
        for number, row in enumerate(rows, 1)
    ]
    listed = sql.SQL(", ").join([first, *lines])
    named = [*map(sql.Identifier, names), _NUMBER]
    return sql.SQL("(VALUES {}) AS r ({})").format(listed, sql.SQL(", ").join(named))


def _target(table: PlannedTable) -> sql.Composed:
    return sql.SQL("ONLY {}" if table.rows.only else "{}").format(relation(table.name))
