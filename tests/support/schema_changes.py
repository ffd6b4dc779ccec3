"""Changes of a schema, each with the differences that a comparison ought to find, and no others.

A catalog comes in, and Hypothesis' choices; statements come out, with what is expected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import evolve, frozen
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from psycopg import sql

from replant.model import Catalog, Column, EnumType, ForeignKey, Identity, RelationName, Table
from replant.model.table_differences import DifferenceKind

#: Kinds of differences, each with its place.
Expected = frozenset[tuple[DifferenceKind, str]]


@frozen
class Mutation:
    """A change of a schema.

    Attributes:
        statements: to be executed one by one.
        expected: what ought to be found.
        touched: the tables that matter to it; another change of them may make it another one.

    """

    statements: tuple[sql.SQL | sql.Composed, ...]
    expected: Expected
    touched: frozenset[RelationName]


#: How one kind of change is drawn.
Kind = Callable[[DrawFn, Catalog], Mutation]


def mutations(catalog: Catalog) -> SearchStrategy[list[Mutation]]:
    """One to three changes of different tables."""

    @st.composite
    def drawn(draw: DrawFn) -> Mutation:
        return draw(st.sampled_from(KINDS))(draw, catalog)

    def apart(changes: list[Mutation]) -> bool:
        touched = [name for change in changes for name in change.touched]
        return len(touched) == len(set(touched))

    return st.lists(drawn(), min_size=1, max_size=3).filter(apart)


def of_kind(kind: Kind, catalog: Catalog) -> SearchStrategy[Mutation]:
    """One change of this kind."""

    @st.composite
    def drawn(draw: DrawFn) -> Mutation:
        return kind(draw, catalog)

    return drawn()


def _table(draw: DrawFn, tables: Sequence[Table]) -> Table:
    assume(tables)
    return draw(st.sampled_from(tables))


def _any(draw: DrawFn, catalog: Catalog) -> Table:
    return _table(draw, list(catalog.tables.values()))


def _changed(
    table: Table, text: str, *expected: tuple[DifferenceKind, str], **names: str
) -> Mutation:
    """A change of one table, by the clauses of an ALTER TABLE."""
    composed = {name: sql.Identifier(value) for name, value in names.items()}
    statement = sql.SQL("ALTER TABLE {} ").format(_identifier(table.name)) + sql.SQL(text).format(
        **composed
    )
    places = (
        (change, f"{table.name}.{column}" if column else str(table.name))
        for change, column in expected
    )
    return Mutation((statement,), frozenset(places), frozenset({table.name}))


def _identifier(name: RelationName) -> sql.Identifier:
    return sql.Identifier(name.schema, name.name)


# -- tables --------------------------------------------------------------------------------------


def _drop_table(draw: DrawFn, catalog: Catalog) -> Mutation:
    table = _any(draw, catalog)
    drop = sql.SQL("DROP TABLE {} CASCADE").format(_identifier(table.name))
    gone = frozenset({(DifferenceKind.TABLE_MISSING, str(table.name))})
    return Mutation((drop,), gone, frozenset({table.name}) | _types_of(table.columns))


def _types_of(columns: Iterable[Column]) -> frozenset[RelationName]:
    """The defined types of columns that are dropped.

    They count as touched: a change of a type that no column has any more is no difference.
    """
    return frozenset(RelationName.parse(name) for column in columns for name in column.made_of)


def _rename_table(draw: DrawFn, catalog: Catalog) -> Mutation:
    name = _any(draw, catalog).name
    return _moved(name, RelationName(name.schema, "another_name"), "RENAME TO another_name")


def _move_table(draw: DrawFn, catalog: Catalog) -> Mutation:
    name = _any(draw, catalog).name
    others = sorted({other.schema for other in catalog.tables} - {name.schema})
    schema = draw(st.sampled_from(others))
    assume(RelationName(schema, name.name) not in catalog.tables)
    return _moved(name, RelationName(schema, name.name), f"SET SCHEMA {schema}")


def _moved(name: RelationName, new: RelationName, clause: str) -> Mutation:
    statement = sql.SQL("ALTER TABLE {} {}").format(_identifier(name), sql.SQL(clause))
    expected = frozenset({(DifferenceKind.TABLE_RENAMED, str(name))})
    return Mutation((statement,), expected, frozenset({name, new}))


def _add_table(draw: DrawFn, catalog: Catalog) -> Mutation:
    schema = draw(st.sampled_from(sorted({name.schema for name in catalog.tables})))
    name = RelationName(schema, "new_table")
    create = sql.SQL("CREATE TABLE {} (first_of_new_table integer)").format(_identifier(name))
    return Mutation(
        (create,), frozenset({(DifferenceKind.TABLE_ADDED, str(name))}), frozenset({name})
    )


# -- columns -------------------------------------------------------------------------------------


def _column(
    draw: DrawFn, catalog: Catalog, fits: Callable[[Table, Column], bool]
) -> tuple[Table, Column]:
    found = [(t, c) for t in catalog.tables.values() for c in t.columns if fits(t, c)]
    assume(found)
    return draw(st.sampled_from(found))


def _drop_column(draw: DrawFn, catalog: Catalog) -> Mutation:
    table, column = _column(draw, catalog, lambda _t, _c: True)
    gone = (DifferenceKind.COLUMN_MISSING, column.name)
    change = _changed(table, "DROP COLUMN {name} CASCADE", gone, name=column.name)
    return evolve(change, touched=change.touched | _types_of([column]))


def _rename_column(draw: DrawFn, catalog: Catalog) -> Mutation:
    table, column = _column(draw, catalog, lambda _t, _c: True)
    return _changed(
        table,
        "RENAME COLUMN {old} TO {new}",
        (DifferenceKind.COLUMN_MISSING, column.name),
        (DifferenceKind.COLUMN_ADDED, "another_name"),
        old=column.name,
        new="another_name",
    )


def _add_column(draw: DrawFn, catalog: Catalog) -> Mutation:
    definition = draw(
        st.sampled_from(
            (
                "integer",
                "text NOT NULL DEFAULT ''",
                "integer GENERATED ALWAYS AS (1) STORED",
                "bigint GENERATED ALWAYS AS IDENTITY",
            )
        )
    )
    new = (DifferenceKind.COLUMN_ADDED, "new_column")
    return _changed(_any(draw, catalog), f"ADD COLUMN new_column {definition}", new)


def _change_type(draw: DrawFn, catalog: Catalog) -> Mutation:
    table, column = _column(draw, catalog, _is_free)
    new = draw(st.sampled_from([t for t in ("text", "varchar(9)", "jsonb") if t != column.type]))
    definition = f"{new} NOT NULL" if column.not_null else new
    change = _changed(
        table,
        f"DROP COLUMN {{name}} CASCADE, ADD COLUMN {{name}} {definition}",
        (DifferenceKind.COLUMN_TYPE, column.name),
        name=column.name,
    )
    return evolve(change, touched=change.touched | _types_of([column]))


def _set_not_null(draw: DrawFn, catalog: Catalog) -> Mutation:
    table, column = _column(draw, catalog, lambda _, c: not c.not_null)
    now = (DifferenceKind.COLUMN_NOT_NULL, column.name)
    return _changed(table, "ALTER COLUMN {name} SET NOT NULL", now, name=column.name)


def _drop_not_null(draw: DrawFn, catalog: Catalog) -> Mutation:
    table, column = _column(draw, catalog, lambda t, c: c.not_null and c.name not in t.primary_key)
    now = (DifferenceKind.COLUMN_NULLABLE, column.name)
    return _changed(table, "ALTER COLUMN {name} DROP NOT NULL", now, name=column.name)


def _generate(draw: DrawFn, catalog: Catalog) -> Mutation:
    table, column = _column(draw, catalog, lambda t, c: _is_free(t, c) and not c.not_null)
    definition = f"{column.type} GENERATED ALWAYS AS (NULL::{column.type}) STORED"
    return _changed(
        table,
        f"DROP COLUMN {{name}} CASCADE, ADD COLUMN {{name}} {definition}",
        (DifferenceKind.COLUMN_GENERATED, column.name),
        name=column.name,
    )


def _identify(draw: DrawFn, catalog: Catalog) -> Mutation:
    table, column = _column(draw, catalog, lambda _, c: c.type == "integer" and c.not_null)
    assert column.identity is Identity.NONE
    kind = draw(st.sampled_from(("ALWAYS", "BY DEFAULT")))
    return _changed(
        table,
        "ALTER COLUMN {name} DROP DEFAULT, "
        f"ALTER COLUMN {{name}} ADD GENERATED {kind} AS IDENTITY",
        (DifferenceKind.COLUMN_IDENTITY, column.name),
        name=column.name,
    )


def _is_free(table: Table, column: Column) -> bool:
    """Whether no key has the column."""
    keys = (table.primary_key, *table.unique_keys, *(key.columns for key in table.foreign_keys))
    return not any(column.name in key for key in keys)


# -- keys ----------------------------------------------------------------------------------------


def _change_primary_key(draw: DrawFn, catalog: Catalog) -> Mutation:
    referenced = {key.references for key in _foreign_keys(catalog)}
    table = _table(draw, [t for n, t in catalog.tables.items() if n not in referenced])
    again = draw(st.sampled_from(("", ", ADD PRIMARY KEY ({key}, {other})")))
    other = draw(
        st.sampled_from(
            [c.name for c in table.columns if c.not_null and c.name not in table.primary_key]
        )
    )
    return _changed(
        table,
        "DROP CONSTRAINT {constraint}" + again,
        (DifferenceKind.PRIMARY_KEY, ""),
        constraint=f"{table.name.name}_pkey",
        key=table.primary_key[0],
        other=other,
    )


def _add_unique(draw: DrawFn, catalog: Catalog) -> Mutation:
    table = _any(draw, catalog)
    names = [column.name for column in table.columns if column.type in ("uuid", "text")]
    columns = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    assume(tuple(columns) not in (table.primary_key, *table.unique_keys))
    return _changed(
        table,
        f"ADD UNIQUE ({', '.join(f'{{c{place}}}' for place in range(len(columns)))})",
        (DifferenceKind.UNIQUE_ADDED, ""),
        **{f"c{place}": name for place, name in enumerate(columns)},
    )


def _drop_unique(draw: DrawFn, catalog: Catalog) -> Mutation:
    table = _table(draw, [t for t in catalog.tables.values() if t.unique_keys])
    key = draw(st.sampled_from(table.unique_keys))
    return _changed(
        table,
        "DROP CONSTRAINT {name}",
        (DifferenceKind.UNIQUE_MISSING, ""),
        name=f"{table.name.name}_{'_'.join(key)}_key",
    )


def _drop_foreign_key(draw: DrawFn, catalog: Catalog) -> Mutation:
    key = draw(st.sampled_from(list(_foreign_keys(catalog))))
    gone = (DifferenceKind.FOREIGN_KEY_MISSING, "")
    change = _changed(catalog.tables[key.table], "DROP CONSTRAINT {name}", gone, name=key.name)
    return Mutation(change.statements, change.expected, change.touched | {key.references})


def _add_foreign_key(draw: DrawFn, catalog: Catalog) -> Mutation:
    table, column = _column(draw, catalog, lambda t, c: c.type == "uuid" and _is_free(t, c))
    other = _table(draw, [t for t in catalog.tables.values() if t.primary_key == ("id",)])
    add = sql.SQL("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {}").format(
        _identifier(table.name), sql.Identifier(column.name), _identifier(other.name)
    )
    expected = frozenset({(DifferenceKind.FOREIGN_KEY_ADDED, str(table.name))})
    return Mutation((add,), expected, frozenset({table.name, other.name}))


def _foreign_keys(catalog: Catalog) -> Iterator[ForeignKey]:
    return (key for table in catalog.tables.values() for key in table.foreign_keys)


# -- types ---------------------------------------------------------------------------------------


def _add_label(draw: DrawFn, catalog: Catalog) -> Mutation:
    enum = _enum(draw, catalog)
    return _of_type(
        f"ALTER TYPE {enum.name} ADD VALUE 'new label'", enum.name, DifferenceKind.LABEL_ADDED
    )


def _rename_label(draw: DrawFn, catalog: Catalog) -> Mutation:
    enum = _enum(draw, catalog)
    label = draw(st.sampled_from(enum.labels))
    statement = f"ALTER TYPE {enum.name} RENAME VALUE '{label}' TO 'another label'"
    return _of_type(statement, enum.name, DifferenceKind.LABEL_MISSING, DifferenceKind.LABEL_ADDED)


def _enum(draw: DrawFn, catalog: Catalog) -> EnumType:
    types = (catalog.types[name] for name in sorted(catalog.types))
    return draw(st.sampled_from([type_ for type_ in types if isinstance(type_, EnumType)]))


def _change_domain(draw: DrawFn, catalog: Catalog) -> Mutation:
    names = sorted(name for name, t in catalog.types.items() if not isinstance(t, EnumType))
    name = draw(st.sampled_from(names))
    return _of_type(f"ALTER DOMAIN {name} SET NOT NULL", name, DifferenceKind.DOMAIN)


def _of_type(statement: str, name: str, *expected: DifferenceKind) -> Mutation:
    """A type counts as a table here: it is touched once."""
    return Mutation(
        (sql.SQL(statement),),
        frozenset((change, name) for change in expected),
        frozenset({RelationName.parse(name)}),
    )


KINDS: tuple[Kind, ...] = (
    _drop_table,
    _rename_table,
    _move_table,
    _add_table,
    _drop_column,
    _rename_column,
    _add_column,
    _change_type,
    _set_not_null,
    _drop_not_null,
    _generate,
    _identify,
    _change_primary_key,
    _add_unique,
    _drop_unique,
    _drop_foreign_key,
    _add_foreign_key,
    _add_label,
    _rename_label,
    _change_domain,
)
