"""Every way to load, on graphs that the two platform schemas do not have."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from attrs import evolve

from replant import api
from replant.artifact.artifact import open_artifact
from replant.errors import PreflightError, ReplayError
from replant.model import (
    Catalog,
    Column,
    Dangling,
    ExportSettings,
    LoadOrder,
    LoadTable,
    LoadTogether,
    OrderRequest,
    PatchColumns,
    Plan,
    PythonFunction,
    Registration,
    RelationName,
    Settings,
)
from replant.plugins.discovery import Candidate, LoadedPlugin, find, load
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant.testing.servers.server import Database, Server, grant
from replant_plugins.strategies import cycles
from tests.conftest import MakeDatabase
from tests.support.stores import CYCLE, STAFF, STORE


class EveryTable:
    """Registers all tables of the schema `s`."""

    @hookimpl
    def register_tables(self, catalog: Catalog) -> list[Registration]:
        return [Registration(name) for name in catalog.tables if name.schema == "s"]


class ByNameBackwards:
    """A third party's strategy."""

    STRATEGIES = ("backwards",)

    @hookimpl
    def order_tables(self, request: OrderRequest) -> LoadOrder:
        return LoadOrder(tuple(LoadTable(table) for table in reversed(request.tables)))


def candidate(name: str) -> Candidate:
    return Candidate(name, "replant-test", "1.0", f"tests:{name}")


@pytest.fixture
def host() -> Host:
    strategies = [load(c) for c in find() if c.name in {"ordered", "superuser"}]
    return Host(
        [
            LoadedPlugin(candidate("every"), EveryTable()),
            LoadedPlugin(candidate("backwards"), ByNameBackwards()),
            *strategies,
        ]
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """A threshold that a test's rows exceed."""
    monkeypatch.setattr(cycles, "MOST_ROWS_TOGETHER", 10)
    return 10


RoundTrip = Callable[..., Plan]


@pytest.fixture
def round_trip(
    make_database: MakeDatabase, server: Server, host: Host, tmp_path: Path
) -> RoundTrip:
    """Deploy, fill, export, replay as a role with these privileges, compare; gives the plan."""

    def perform(
        ddl: str, rows: str, *, privileges: str = "INSERT", strategy: str = "ordered"
    ) -> Plan:
        source = make_database()
        with psycopg.connect(source.dsn) as connection:
            connection.execute(ddl.encode())
        target = make_database(source)
        with psycopg.connect(source.dsn) as connection:
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(rows.encode())
        role = server.create_role(f"may_{privileges.lower().replace(', ', '_')}")
        settings = Settings(
            source=source.dsn,
            target=target.as_role(role),
            export=ExportSettings(output=str(tmp_path / "x.sql"), strategy=strategy),
        )
        plan = api.plan(settings, host)
        grant(target, role, privileges, [table.name for table in plan.tables])
        artifact = api.export(settings, host=host, force=True).output
        replayed = api.replay(artifact, settings)
        assert sum(replayed.rows.values()) == plan.row_count > 0
        results = api.verify(artifact, evolve(settings, target=target.dsn))
        assert all(result.equal for result in results), results
        return plan

    return perform


TREE = "CREATE SCHEMA s; CREATE TABLE s.node (id int PRIMARY KEY, up int REFERENCES s.node, t text)"
# 1 references itself; 2 and 3 reference each other; 4 hangs below them; the rest is a chain whose
# parents have the larger keys, in the way of key order.
TREE_ROWS = """
INSERT INTO s.node SELECT i, CASE WHEN i = 1 THEN 1 WHEN i = 2 THEN 3 WHEN i IN (3, 4) THEN 2
  WHEN i < 60 THEN i + 1 END, 'node ' || i FROM generate_series(1, 60) AS i
"""


def test_a_small_table_that_references_itself_is_one_statement(round_trip: RoundTrip) -> None:
    plan = round_trip(TREE, TREE_ROWS)
    (step,) = plan.order.steps
    assert step == LoadTable(RelationName("s", "node"), together=True)
    assert "one statement, 60 rows" in plan.order.cycles[0].way


def test_a_large_table_that_references_itself_is_split_by_depth(
    round_trip: RoundTrip, small: int, tmp_path: Path
) -> None:
    plan = round_trip(TREE, TREE_ROWS)
    (step,) = plan.order.steps
    assert isinstance(step, LoadTable)
    assert step.by_depth is not None
    text = (tmp_path / "x.sql").read_text()
    # One for depth 0, one for each of the 55 rows of the chain above it, one for the cycle.
    assert text.count("INSERT INTO") == 57
    assert text.index("('60',") < text.index("('59',") < text.index("('2',") < text.index("('4',")


def test_rows_without_references_among_them_stay_in_the_order_of_their_key(
    round_trip: RoundTrip, small: int, tmp_path: Path
) -> None:
    plan = round_trip(TREE, "INSERT INTO s.node SELECT i, NULL, i FROM generate_series(1, 60) AS i")
    (step,) = plan.order.steps
    assert isinstance(step, LoadTable)
    assert step.by_depth is not None
    text = (tmp_path / "x.sql").read_text()
    assert text.count("INSERT INTO") == 1
    with open_artifact(str(tmp_path / "x.sql")) as artifact:
        assert artifact.manifest.table(RelationName("s", "node")).ordered


class Masked:
    """Changes the texts of `s.node` in Python."""

    @hookimpl
    def transform_value(self, column: Column) -> PythonFunction | None:
        if column.name != "t":
            return None
        return PythonFunction(lambda text: text and text.replace("node", "masked"))


def test_a_large_table_is_not_split_by_depth_past_a_transform_in_python(
    make_database: MakeDatabase, tmp_path: Path, small: int
) -> None:
    database = make_database()
    with psycopg.connect(database.dsn) as connection:
        connection.execute(TREE.encode())
        connection.execute(TREE_ROWS.encode())
    host = Host(
        [
            LoadedPlugin(candidate("every"), EveryTable()),
            LoadedPlugin(candidate("masked"), Masked()),
            *(load(c) for c in find() if c.name == "ordered"),
        ]
    )
    export = ExportSettings(output=str(tmp_path / "x.sql"))
    api.export(Settings(source=database.dsn, export=export), host=host)
    text = (tmp_path / "x.sql").read_text()
    assert "'node " not in text
    assert text.count("'masked ") == 60
    with psycopg.connect(database.dsn) as connection:
        connection.execute("TRUNCATE s.node")
    settings = Settings(target=database.dsn)
    api.replay(str(tmp_path / "x.sql"), settings)
    assert all(result.equal for result in api.verify(str(tmp_path / "x.sql"), settings))


TWINS = """
CREATE SCHEMA s;
CREATE TABLE s.store (id int PRIMARY KEY, manager int, twin int NOT NULL REFERENCES s.store);
CREATE TABLE s.staff (id int PRIMARY KEY, store int NOT NULL REFERENCES s.store);
ALTER TABLE s.store ADD FOREIGN KEY (manager) REFERENCES s.staff;
"""
TWIN_ROWS = """
INSERT INTO s.store SELECT i, i, 3001 - i FROM generate_series(1, 3000) AS i;
INSERT INTO s.staff SELECT i, i FROM generate_series(1, 3000) AS i;
"""


def test_rows_that_are_null_first_and_reference_their_own_table_come_in_one_statement(
    round_trip: RoundTrip, small: int, tmp_path: Path
) -> None:
    plan = round_trip(TWINS, TWIN_ROWS, privileges="INSERT, UPDATE, SELECT")
    store = RelationName("s", "store")
    assert LoadTable(store, together=True, patched=("manager",)) in plan.order.steps
    assert (tmp_path / "x.sql").read_text().count('INSERT INTO "s"."store"') == 1


CYCLE_ROWS = """
INSERT INTO s.store SELECT i, 21 - i, 'store ' || i FROM generate_series(1, 20) AS i;
INSERT INTO s.staff SELECT i, i, 21 - i FROM generate_series(1, 20) AS i;
"""


def test_a_small_cycle_is_one_statement_with_an_insert_for_each(round_trip: RoundTrip) -> None:
    plan = round_trip(CYCLE.format(null="NOT NULL", deferrable=""), CYCLE_ROWS)
    assert plan.order.steps == (LoadTogether((STAFF, STORE)),)


def test_a_large_cycle_waits_for_deferrable_constraints(round_trip: RoundTrip, small: int) -> None:
    plan = round_trip(CYCLE.format(null="NOT NULL", deferrable="DEFERRABLE"), CYCLE_ROWS)
    assert plan.order.steps[0] == LoadTable(STORE)
    assert "deferred until COMMIT: store_manager_fkey" in plan.order.cycles[0].way


def test_a_large_cycle_is_null_first_where_it_may_be(round_trip: RoundTrip, small: int) -> None:
    plan = round_trip(
        CYCLE.format(null="", deferrable=""), CYCLE_ROWS, privileges="INSERT, UPDATE, SELECT"
    )
    assert plan.order.steps[-1] == PatchColumns(STORE, ("manager",))
    assert plan.order.needs == ("UPDATE and SELECT on s.store",)


def test_a_large_cycle_without_a_way_out_is_one_statement_after_all(
    round_trip: RoundTrip, small: int
) -> None:
    plan = round_trip(CYCLE.format(null="NOT NULL", deferrable=""), CYCLE_ROWS)
    assert plan.order.steps == (LoadTogether((STAFF, STORE)),)
    assert "none can be NULL for a while" in plan.order.cycles[0].way


def test_a_third_partys_strategy_is_chosen_by_name(round_trip: RoundTrip, host: Host) -> None:
    ddl = (
        "CREATE SCHEMA s; CREATE TABLE s.b (id int PRIMARY KEY); "
        "CREATE TABLE s.a (id int PRIMARY KEY REFERENCES s.b)"
    )
    plan = round_trip(
        ddl, "INSERT INTO s.b VALUES (1); INSERT INTO s.a VALUES (1)", strategy="backwards"
    )
    assert [table.name.name for table in plan.tables] == ["b", "a"]


UP_AND_DOWN = [RelationName("s", "up"), RelationName("s", "down")]
# Equal numbers may have different texts, so a preflight does not look for them in the artifact.
BROKEN = (
    "CREATE SCHEMA s; CREATE TABLE s.up (id numeric PRIMARY KEY); CREATE TABLE s.down "
    "(id int PRIMARY KEY, a numeric, b int, FOREIGN KEY (a) REFERENCES s.up)"
)


@pytest.fixture
def broken_artifact(
    make_database: MakeDatabase, host: Host, tmp_path: Path
) -> tuple[Settings, Database]:
    """An artifact of the strategy superuser with a row that references no row, and a target."""
    source = make_database()
    with psycopg.connect(source.dsn) as connection:
        connection.execute(BROKEN.encode())
    target = make_database(source)
    with psycopg.connect(source.dsn) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("INSERT INTO s.up VALUES (1)")
        connection.execute("INSERT INTO s.down VALUES (1, 1, 1), (2, NULL, 2), (3, 99, 3)")
    settings = Settings(
        source=source.dsn,
        target=target.dsn,
        export=ExportSettings(
            output=str(tmp_path / "broken.sql"), strategy="superuser", dangling=Dangling.EXPORT
        ),
    )
    api.export(settings, host=host)
    return settings, target


def row_count(database: Database) -> int:
    with psycopg.connect(database.dsn) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM s.up) + (SELECT count(*) FROM s.down)"
        ).fetchone()
        assert row is not None
        return int(row[0])


def test_superuser_checks_every_foreign_key_of_the_loaded_rows(
    broken_artifact: tuple[Settings, Database],
) -> None:
    settings, target = broken_artifact
    with pytest.raises(ReplayError, match=r"violates its foreign key down_a_fkey.*99"):
        api.replay(settings.export.output or "", settings)
    assert row_count(target) == 0


def test_psql_alone_stops_at_a_broken_foreign_key_too(
    broken_artifact: tuple[Settings, Database], psql: Path
) -> None:
    settings, target = broken_artifact
    arguments = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", target.dsn]
    outcome = subprocess.run(
        [psql, *arguments, "-f", settings.export.output or ""],
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 3
    assert "violates its foreign key down_a_fkey" in outcome.stderr
    assert row_count(target) == 0


def test_a_role_that_may_not_be_replica_is_told_what_would_do(
    broken_artifact: tuple[Settings, Database], server: Server
) -> None:
    settings, target = broken_artifact
    role = server.create_role("no_replica")
    grant(target, role, "INSERT, SELECT", UP_AND_DOWN)
    as_role = evolve(settings, target=target.as_role(role))
    with pytest.raises(PreflightError, match="GRANT SET ON PARAMETER session_replication_role TO"):
        api.replay(settings.export.output or "", as_role, strategy="superuser")


def test_a_role_that_could_not_check_the_keys_afterwards_is_told_the_grant(
    broken_artifact: tuple[Settings, Database], server: Server
) -> None:
    settings, target = broken_artifact
    role = server.create_role("cannot_check")
    grant(target, role, "INSERT", UP_AND_DOWN)
    as_role = evolve(settings, target=target.as_role(role))
    with pytest.raises(PreflightError, match=r"GRANT SELECT ON s\.down, s\.up TO cannot_check;"):
        api.replay(settings.export.output or "", as_role, strategy="superuser")


def test_a_trigger_that_drops_rows_of_a_cycle_is_noticed(
    make_database: MakeDatabase, host: Host, tmp_path: Path
) -> None:
    source = make_database()
    with psycopg.connect(source.dsn) as connection:
        connection.execute(CYCLE.format(null="", deferrable="").encode())
    target = make_database(source)
    with psycopg.connect(source.dsn) as connection:
        connection.execute("INSERT INTO s.store VALUES (1); INSERT INTO s.staff VALUES (1, 1, 1)")
    with psycopg.connect(target.dsn) as connection:
        connection.execute(
            "CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
            "CREATE TRIGGER t BEFORE INSERT ON s.staff FOR EACH ROW EXECUTE FUNCTION s.f()"
        )
    export = ExportSettings(output=str(tmp_path / "x.sql"))
    settings = Settings(source=source.dsn, target=target.dsn, export=export)
    plan = api.export(settings, host=host).plan
    assert plan.order.steps == (LoadTogether((STAFF, STORE)),)
    with pytest.raises(ReplayError, match=r"kept 0 of 1 rows of s\.staff"):
        api.replay(str(tmp_path / "x.sql"), settings)


def test_a_role_that_was_granted_the_parameter_needs_no_superuser(
    make_database: MakeDatabase, host: Host, server: Server, tmp_path: Path
) -> None:
    source = make_database()
    with psycopg.connect(source.dsn) as connection:
        connection.execute(BROKEN.encode())
    target = make_database(source)
    with psycopg.connect(source.dsn) as connection:
        connection.execute("INSERT INTO s.up VALUES (1); INSERT INTO s.down VALUES (1, 1, 1)")
    role = server.create_role("may_replica")
    grant(target, role, "INSERT, SELECT", UP_AND_DOWN)
    with psycopg.connect(target.dsn) as connection:
        connection.execute("GRANT SET ON PARAMETER session_replication_role TO may_replica")
    settings = Settings(
        source=source.dsn,
        target=target.as_role(role),
        export=ExportSettings(output=str(tmp_path / "x.sql"), strategy="superuser"),
    )
    api.export(settings, host=host)
    assert sum(api.replay(str(tmp_path / "x.sql"), settings).rows.values()) == 2
