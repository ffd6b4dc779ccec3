"""From a catalog alone rows are drawn that its database accepts, CHECK constraints among them."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from replant.model import Catalog, RelationName
from replant.testing.generation.catalog_values import CatalogValues
from replant.testing.generation.registry import Registry
from replant.testing.generation.row_strategies import rows_for
from replant.testing.prove.accepted_rows import AcceptedRows
from replant.testing.rows import Row, Rows, insert_rows
from replant.testing.servers.example_database import ExampleDatabase, open_example_database
from replant.testing.servers.server import Database, Server
from tests.support.property_tests import example_count

SCHEMA = """
CREATE SCHEMA s;
CREATE TYPE s.mood AS ENUM ('glad', 'it''s', 'sad');
CREATE DOMAIN s.code AS text CHECK (VALUE ~ '^[A-Z]{2}-[[:digit:]]{2,4}$');
CREATE DOMAIN s.percent AS numeric(5,2) NOT NULL CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN s.short AS character varying(20) CHECK (length(VALUE) BETWEEN 3 AND 5);
CREATE DOMAIN s.shorter AS s.short CHECK (VALUE <> 'three');
CREATE TYPE s.pair AS (code s.code, moods s.mood[], amount s.percent);
CREATE TYPE s.span AS RANGE (subtype = s.percent, multirange_type_name = s.spans);
CREATE TABLE s.owner (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE CHECK (email LIKE '%_@_%.com'),
    kind text NOT NULL CHECK (kind IN ('person', 'company', 'o''ther')),
    born date CHECK (born > '1900-01-01' AND born < '2020-01-01'),
    seen timestamp with time zone CHECK (seen >= '2020-01-01'),
    age smallint CHECK (age > 0 AND age < 150),
    ratio double precision CHECK (ratio > 0 AND ratio < 1),
    state "char"
);
CREATE TABLE s.thing (
    id uuid PRIMARY KEY,
    owner integer NOT NULL REFERENCES s.owner,
    code s.code UNIQUE,
    codes s.code[] NOT NULL,
    percents s.percent[],
    short s.shorter,
    mood s.mood NOT NULL CHECK (mood <> 'sad'),
    pair s.pair,
    span s.span,
    spans s.spans,
    low smallint NOT NULL,
    high smallint NOT NULL CHECK (high > low),
    total numeric(8,2) GENERATED ALWAYS AS (low * 2.0) STORED,
    a text CHECK (a IS NULL OR length(a) >= 2),
    b text,
    CHECK (num_nonnulls(a, b) = 1)
);
CREATE TABLE s.part (id integer NOT NULL, region text NOT NULL, at timestamptz NOT NULL,
    PRIMARY KEY (id, region, at)) PARTITION BY LIST (region);
CREATE TABLE s.part_north PARTITION OF s.part FOR VALUES IN ('north', 'n''east')
    PARTITION BY RANGE (at);
CREATE TABLE s.part_2024 PARTITION OF s.part_north FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE s.part_south PARTITION OF s.part FOR VALUES IN ('south');
CREATE TABLE s.egg (id integer PRIMARY KEY, hen integer NOT NULL UNIQUE);
CREATE TABLE s.hen (id integer PRIMARY KEY REFERENCES s.egg (hen));
ALTER TABLE s.egg ADD FOREIGN KEY (hen) REFERENCES s.hen;
CREATE TABLE s.itself (id integer PRIMARY KEY REFERENCES s.itself (id));
CREATE TABLE s.parent (id integer PRIMARY KEY);
CREATE TABLE s.child () INHERITS (s.parent);
CREATE TABLE s.booking (room integer NOT NULL, during int4range NOT NULL,
    EXCLUDE USING gist (during WITH &&));
CREATE FUNCTION s.is_odd(n integer) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN n % 2 <> 0;
CREATE TABLE s.odd (n integer NOT NULL CHECK (s.is_odd(n)), word text);
CREATE UNIQUE INDEX ON s.odd (lower(word));
"""

#: What only the server can judge of: a function, an index on an expression, an exclusion.
JUDGED_BY_THE_SERVER = frozenset(RelationName("s", name) for name in ("booking", "odd"))


@pytest.fixture(scope="module")
def side(server: Server) -> Iterator[ExampleDatabase]:
    database: Database = server.create_database()
    with psycopg.connect(database.dsn) as connection:
        connection.execute(SCHEMA)
    with open_example_database(database) as opened_side:
        yield opened_side
    server.drop_database(database)


@pytest.fixture(scope="module")
def drawn(side: ExampleDatabase) -> SearchStrategy[Rows]:
    return rows_for(side.catalog, rows=(0, 3))


@settings(max_examples=example_count(50))
@given(data=st.data())
def test_rows_drawn_from_a_catalog_alone_are_accepted(
    data: DataObject, drawn: SearchStrategy[Rows], side: ExampleDatabase
) -> None:
    every = data.draw(drawn)
    rows = {name: held for name, held in every.items() if name not in JUDGED_BY_THE_SERVER}

    with side.connection.transaction(force_rollback=True):
        insert_rows(side.connection, rows)


def test_every_table_can_have_rows(drawn: SearchStrategy[Rows], side: ExampleDatabase) -> None:
    quick = settings(max_examples=300, database=None, derandomize=True, phases=[Phase.generate])

    for name in side.tables:
        find(drawn, lambda rows, name=name: bool(rows[name]), settings=quick)  # type: ignore[misc]


@settings(max_examples=example_count(20))
@given(data=st.data())
def test_the_server_takes_what_is_left_of_rows_that_it_refuses(
    data: DataObject, drawn: SearchStrategy[Rows], side: ExampleDatabase
) -> None:
    rows = data.draw(drawn)

    held = AcceptedRows(side).held(rows)

    assert held is not None
    assert {n: len(r) for n, r in held.items() if n not in JUDGED_BY_THE_SERVER} == {
        n: len(r) for n, r in rows.items() if n not in JUDGED_BY_THE_SERVER
    }


def test_the_server_says_why_it_refuses_a_row(side: ExampleDatabase) -> None:
    fitting = AcceptedRows(side)
    odd = RelationName("s", "odd")

    held = fitting.held({odd: [{"n": "2", "word": None}, {"n": "3", "word": "a"}]})

    assert held == {odd: [{"n": "3", "word": "a"}]}
    assert fitting.refused[odd].startswith('new row for relation "odd" violates check constraint')


def test_a_row_whose_reference_was_refused_goes_as_well(side: ExampleDatabase) -> None:
    parent, thing = RelationName("s", "owner"), RelationName("s", "thing")
    owner: Row = {"id": "1", "email": "none", "kind": "person"}
    owned: Row = {"id": f"{0:032}", "owner": "1", "codes": "{}", "mood": "glad", "low": "1"}

    held = AcceptedRows(side).held({parent: [owner], thing: [{**owned, "high": "2", "b": "b"}]})

    assert held == {parent: [], thing: []}


def test_a_registry_comes_before_the_catalog(side: ExampleDatabase) -> None:
    odd = RelationName("s", "odd")
    columns = {(odd, "n"): st.integers(0, 9).map(lambda n: str(2 * n + 1))}
    drawn = rows_for(side.catalog, [odd], rows=(1, 1), registry=Registry(columns=columns))

    rows = find(drawn, lambda rows: bool(rows[odd]), settings=settings(database=None))

    assert rows[odd][0]["n"] == "1"


def test_a_domain_that_refuses_null_holds_none_inside_an_array(side: ExampleDatabase) -> None:
    known = CatalogValues(side.catalog, Registry())

    assert known.of_type("s.percent").required
    assert not known.of_type("s.shorter").required


def test_an_unknown_type_is_named(side: ExampleDatabase) -> None:
    with pytest.raises(ValueError, match=r"no values are known for the type s\.nothing"):
        CatalogValues(Catalog("d", "r", 180000), Registry()).of_type("s.nothing")
