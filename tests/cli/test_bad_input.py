"""Whatever is wrong gives one clear line, the right exit code, and changes nothing."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psycopg
import pytest
from attrs import evolve
from psycopg.conninfo import make_conninfo

from replant import api
from replant.database.connections import reading
from replant.model import RelationName, Settings
from replant.testing.servers.server import Database, Server, grant
from replant_plugins.demonstration import PLATFORM
from tests.support.commands import Outcome, Replant, assert_one_line, start_replant

SCOPE = ("--scope", f"database_id={PLATFORM.scope['database_id']}")


@pytest.fixture
def artifact(settings: Settings) -> Path:
    return Path(api.export(settings).output)


def lines(outcome: Outcome, code: int, *wanted: str) -> None:
    """The outcome is this exit code, and a line with each of these words in their order."""
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    found = outcome.err.splitlines()
    assert len(found) == len(wanted), outcome.err
    for line, words in zip(found, wanted, strict=True):
        assert words in line


def tenants(database: Database) -> int:
    with psycopg.connect(database.dsn) as connection:
        row = connection.execute("SELECT count(*) FROM collections_public.database").fetchone()
        assert row is not None
        return int(row[0])


class TestTheSource:
    """The server, the role and the database that are read."""

    def test_a_server_that_is_not_there(self, replant: Replant, tmp_path: Path) -> None:
        out = tmp_path / "x.sql"
        outcome = replant("export", "--source", "host=127.0.0.1 port=1", *SCOPE, "-o", out)
        assert_one_line(
            outcome, 4, "cannot connect to the source (host=127.0.0.1 port=1)", "--source"
        )
        assert not out.exists()

    def test_a_wrong_password_is_never_repeated(
        self, replant: Replant, server: Server, filled: Database
    ) -> None:
        role = server.create_role("locked")
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("ALTER ROLE locked PASSWORD 'right'")
            (row,) = connection.execute("SHOW hba_file").fetchall()
            hba = Path(row[0])
            hba.write_text(f"local all {role} scram-sha-256\n{hba.read_text()}")
            connection.execute("SELECT pg_reload_conf()")
        wrong = {"password": "s3cret-and-wrong"}
        dsn = make_conninfo(filled.as_role(role), **wrong)
        outcome = replant("plan", "--source", dsn, *SCOPE)
        assert_one_line(outcome, 4, "cannot connect", "password authentication failed")
        assert "s3cret" not in outcome.err

    def test_a_malformed_connection_string_is_never_repeated(self, replant: Replant) -> None:
        outcome = replant("plan", "--source", "postgresqll://me:s3cret@host/x", *SCOPE)
        assert_one_line(outcome, 4, "neither 'key=value ...' nor a 'postgresql://' URI")
        assert "s3cret" not in outcome.err

    def test_a_password_that_is_not_encoded_is_never_repeated(self, replant: Replant) -> None:
        outcome = replant("plan", "--source", "postgresql://me:s3cret%zz@host/x", *SCOPE)
        assert_one_line(outcome, 4, "is no URI that libpq can read", "% as %25")
        assert "s3cret" not in outcome.err

    def test_all_roots_that_are_no_conditions_are_told_at_once(
        self, replant: Replant, database: Database
    ) -> None:
        with psycopg.connect(database.dsn) as connection:
            connection.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int)")
        roots = ("--root", "public.a: nix = 1", "--root", "public.b: id =")
        outcome = replant("plan", "--source", database.dsn, "-c", "/dev/null", *roots)
        assert outcome.code == 2
        first, second = outcome.err.splitlines()
        assert "the condition public.a: nix = 1 is not valid" in first
        assert "the condition public.b: id = is not valid" in second

    def test_a_database_without_the_schemas(self, replant: Replant, database: Database) -> None:
        outcome = replant("plan", "--source", database.dsn, *SCOPE)
        assert_one_line(
            outcome, 2, database.name, "which rows", "--root", "--include", "replant init"
        )

    def test_a_database_without_the_schemas_of_a_plugin_that_is_enabled(
        self, replant: Replant, database: Database, tmp_path: Path
    ) -> None:
        file = tmp_path / "replant.toml"
        file.write_text('plugins.enable = ["collections_public", "ordered"]')
        outcome = replant("plan", "-c", file, "--source", database.dsn, *SCOPE)
        assert_one_line(outcome, 4, database.name, "has no schema 'collections_public'", "enable")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("pln",), "no command 'pln'; did you mean 'plan'?; see replant --help"),
            (("export", "--source"), "requires an argument; see replant export --help"),
            (("nonsense",), "no command 'nonsense'; see replant --help"),
        ],
    )
    def test_a_mistake_on_the_command_line(
        self, replant: Replant, arguments: tuple[str, ...], said: str
    ) -> None:
        assert_one_line(replant(*arguments), 2, said)

    def test_a_table_that_is_not_there(self, replant: Replant, filled: Database) -> None:
        with psycopg.connect(filled.dsn) as connection:
            connection.execute("ALTER TABLE meta_public.domains RENAME TO domain")
        outcome = replant("plan", "--source", filled.dsn, *SCOPE)
        assert_one_line(
            outcome, 4, "meta_public.domains", "does not exist", "mean meta_public.domain?"
        )

    def test_a_role_that_may_not_read_a_table_is_told_the_grant(
        self, replant: Replant, settings: Settings, server: Server, filled: Database
    ) -> None:
        role = server.create_role("reads_all_but_one")
        tables = [table.name for table in api.plan(settings).tables]
        grant(filled, role, "SELECT", [name for name in tables if name.name != "domains"])
        outcome = replant("plan", "--source", filled.as_role(role), *SCOPE)
        assert_one_line(outcome, 4, "GRANT SELECT ON meta_public.domains TO reads_all_but_one;")

    def test_rows_that_a_policy_would_hide(
        self, replant: Replant, settings: Settings, server: Server, filled: Database
    ) -> None:
        role = server.create_role("reads_under_policies")
        grant(filled, role, "SELECT", [table.name for table in api.plan(settings).tables])
        with psycopg.connect(filled.dsn) as connection:
            connection.execute("ALTER TABLE meta_public.sites ENABLE ROW LEVEL SECURITY")
        outcome = replant("plan", "--source", filled.as_role(role), *SCOPE)
        assert_one_line(outcome, 4, "row-level security", "meta_public.sites", "BYPASSRLS")

    def test_an_environment_variable_that_is_not_set(self, replant: Replant) -> None:
        outcome = replant("plan", "--source", "env:REPLANT_NOWHERE", *SCOPE)
        assert_one_line(outcome, 2, "'REPLANT_NOWHERE'", "not set")


class TestTheScope:
    """Whose rows."""

    def test_missing(self, replant: Replant, filled: Database) -> None:
        outcome = replant("plan", "--source", filled.dsn)
        assert_one_line(outcome, 2, "--scope database_id=VALUE")

    def test_malformed(self, replant: Replant, filled: Database) -> None:
        outcome = replant("plan", "--source", filled.dsn, "--scope", "database_id=12")
        assert_one_line(outcome, 2, "'12' does not fit", "(uuid)")

    def test_not_a_pair(self, replant: Replant, filled: Database) -> None:
        outcome = replant("plan", "--source", filled.dsn, "--scope", "database_id")
        assert_one_line(outcome, 2, "'database_id' is not NAME=VALUE")

    def test_of_no_tenant(self, replant: Replant, filled: Database, tmp_path: Path) -> None:
        nobody = "database_id=00000000-0000-0000-0000-000000000001"
        out = tmp_path / "x.sql"
        outcome = replant("export", "--source", filled.dsn, "--scope", nobody, "-o", out)
        assert_one_line(outcome, 2, "no row of any of the 51 tables", "allow_empty = true")
        assert not out.exists()

    def test_misspelt(self, replant: Replant, filled: Database) -> None:
        outcome = replant("plan", "--source", filled.dsn, *SCOPE, "--scope", "databas_id=1")
        assert_one_line(outcome, 2, "did you mean 'database_id'?")

    def test_one_that_tries_to_be_sql(self, replant: Replant, filled: Database) -> None:
        evil = "database_id='); DROP TABLE collections_public.field; --"
        assert_one_line(replant("plan", "--source", filled.dsn, "--scope", evil), 2, "does not fit")
        assert tenants(filled) == 2


class TestTheConfiguration:
    """replant.toml."""

    @pytest.fixture
    def toml(self, tmp_path: Path) -> Path:
        return tmp_path / "replant.toml"

    def test_all_mistakes_come_at_once_with_their_paths(self, replant: Replant, toml: Path) -> None:
        toml.write_text('[export]\nstrtegy = "x"\nallow_empty = 1\n[[tables]]\nname = "nodot"\n')
        outcome = replant("plan", "-c", toml)
        assert outcome.code == 2
        assert [line.split(": ")[2] for line in outcome.err.splitlines()] == [
            "export.allow_empty",
            "export.strtegy",
            "tables[0].name",
        ]
        assert "did you mean 'strategy'?" in outcome.err

    def test_not_toml(self, replant: Replant, toml: Path) -> None:
        toml.write_text("[export\n")
        assert_one_line(replant("plan", "-c", toml), 2, "is not TOML", "line 1")

    def test_not_there(self, replant: Replant, toml: Path) -> None:
        assert_one_line(replant("plan", "-c", toml), 2, "cannot be read")

    def test_a_plugin_that_is_not_installed(self, replant: Replant, toml: Path) -> None:
        toml.write_text('[plugins]\nenable = ["meta_publik"]\n')
        assert_one_line(
            replant("plan", "-c", toml), 2, "did you mean 'meta_public'?", "installed are"
        )

    def test_settings_of_a_plugin_that_is_not_installed(self, replant: Replant, toml: Path) -> None:
        toml.write_text("[plugins.meta_publik]\nx = 1\n")
        assert_one_line(replant("plugins", "-c", toml), 2, "plugins.meta_publik", "'meta_public'?")

    def test_an_unknown_strategy(self, replant: Replant, filled: Database) -> None:
        outcome = replant("plan", "--source", filled.dsn, *SCOPE, "--strategy", "orderd")
        assert_one_line(
            outcome, 2, "no enabled plugin knows the strategy 'orderd'", "mean 'ordered'?"
        )

    def test_an_unknown_format(self, replant: Replant, toml: Path, filled: Database) -> None:
        toml.write_text('[export]\nformat = "xml"\n')
        outcome = replant("plan", "-c", toml, "--source", filled.dsn, *SCOPE)
        assert_one_line(outcome, 2, "no enabled plugin knows the format 'xml'")

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ('name = "meta_public.api"', "did you mean meta_public.apis?"),
            ('name = "meta_public.apis"\nomit = ["nam"]', "did you mean name?"),
            ('name = "meta_public.apis"\nomit = ["name"]', "NOT NULL and has no default"),
            ('name = "meta_public.apis"\nwhere = "nme = 1"', 'column "nme" does not exist'),
            ('name = "meta_public.apis"\nwhere = "true) OR (true"', "syntax error"),
        ],
    )
    def test_a_change_to_a_table_that_cannot_be_made(
        self, replant: Replant, toml: Path, filled: Database, change: str, words: str
    ) -> None:
        toml.write_text(f"[[tables]]\n{change}\n")
        outcome = replant("plan", "-c", toml, "--source", filled.dsn, *SCOPE)
        assert_one_line(outcome, 2, words)


class TestTheOutput:
    """Where the artifact goes."""

    def test_none(self, replant: Replant, filled: Database) -> None:
        assert_one_line(replant("export", "--source", filled.dsn, *SCOPE), 2, "-o FILE")

    def test_that_exists_is_kept(self, replant: Replant, filled: Database, tmp_path: Path) -> None:
        out = tmp_path / "x.sql"
        out.write_text("precious")
        outcome = replant("export", "--source", filled.dsn, *SCOPE, "-o", out)
        assert_one_line(outcome, 2, "exists already", "--force")
        assert out.read_text() == "precious"

    def test_that_exists_is_replaced_by_force(
        self, replant: Replant, filled: Database, tmp_path: Path
    ) -> None:
        out = tmp_path / "x.sql"
        out.write_text("old")
        outcome = replant("export", "--source", filled.dsn, *SCOPE, "-o", out, "--force")
        assert outcome.code == 0
        assert out.read_bytes().startswith(b"-- replant artifact")

    def test_in_no_folder(self, replant: Replant, filled: Database, tmp_path: Path) -> None:
        out = tmp_path / "nowhere" / "x.sql"
        outcome = replant("export", "--source", filled.dsn, *SCOPE, "-o", out)
        assert_one_line(outcome, 2, "there is no directory")

    def test_on_standard_output_is_alone_there(
        self, replant: Replant, filled: Database, artifact: Path
    ) -> None:
        outcome = replant("export", "--source", filled.dsn, *SCOPE, "-o", "-")
        assert outcome.code == 0
        assert outcome.out == artifact.read_text(encoding="utf-8")


class TestTheArtifact:
    """What is replayed and verified."""

    @pytest.mark.parametrize("command", ["replay", "verify"])
    @pytest.mark.parametrize("kept", [0, 10, 1000, -1, -100])
    def test_truncated(
        self, replant: Replant, artifact: Path, deployed: Database, command: str, kept: int
    ) -> None:
        artifact.write_bytes(artifact.read_bytes()[:kept])
        outcome = replant(command, artifact, "--target", deployed.dsn)
        assert outcome.code == 5
        assert len(outcome.err.splitlines()) == 1
        assert tenants(deployed) == 0

    def test_changed(self, replant: Replant, artifact: Path, deployed: Database) -> None:
        artifact.write_bytes(artifact.read_bytes().replace(b"arkfield", b"arkfielt", 1))
        outcome = replant("replay", artifact, "--target", deployed.dsn)
        assert_one_line(outcome, 5, "was changed")

    def test_none_at_all(self, replant: Replant, tmp_path: Path, deployed: Database) -> None:
        (tmp_path / "x.sql").write_text("SELECT 1;\n")
        outcome = replant("verify", tmp_path / "x.sql", "--target", deployed.dsn)
        assert_one_line(outcome, 5, "is not a replant artifact")

    def test_not_there(self, replant: Replant, tmp_path: Path, deployed: Database) -> None:
        outcome = replant("replay", tmp_path / "x.sql", "--target", deployed.dsn)
        assert_one_line(outcome, 5, "No such file")


class TestTheTarget:
    """Where the rows go."""

    def test_without_the_schemas(
        self, replant: Replant, artifact: Path, database: Database
    ) -> None:
        outcome = replant("replay", artifact, "--target", database.dsn)
        lines(outcome, 4, "no schema collections_public", "no schema meta_public")

    def test_without_a_table_and_a_column(
        self, replant: Replant, artifact: Path, deployed: Database
    ) -> None:
        with psycopg.connect(deployed.dsn) as connection:
            connection.execute("DROP TABLE meta_public.domains")
            connection.execute("ALTER TABLE meta_public.sites DROP COLUMN logo")
        table, column = "no table meta_public.domains", "meta_public.sites has no column logo"
        lines(replant("replay", artifact, "--target", deployed.dsn), 4, column, table)
        assert_one_line(replant("verify", artifact, "--target", deployed.dsn), 4, column, table)
        assert tenants(deployed) == 0

    def test_that_already_holds_these_rows(
        self, replant: Replant, artifact: Path, deployed: Database
    ) -> None:
        assert replant("replay", artifact, "--target", deployed.dsn).code == 0
        outcome = replant("replay", artifact, "--target", deployed.dsn)
        assert_one_line(
            outcome, 4, "already holds every row of this artifact", "--on-conflict same"
        )

    def test_that_holds_the_last_rows_only_gets_none_of_the_others(
        self, replant: Replant, artifact: Path, settings: Settings, deployed: Database
    ) -> None:
        api.replay(str(artifact), settings)
        with psycopg.connect(deployed.dsn) as connection:
            connection.execute("SET LOCAL session_replication_role = replica")
            for table in api.plan(settings).tables[:-1]:
                connection.execute(
                    psycopg.sql.SQL("DELETE FROM {}").format(
                        psycopg.sql.Identifier(table.name.schema, table.name.name)
                    )
                )
        outcome = replant("replay", artifact, "--target", deployed.dsn)
        assert_one_line(
            outcome, 4, "already holds 2 of these rows, the first by id = ", "--on-conflict"
        )
        assert tenants(deployed) == 0

    def test_without_insert_is_told_the_grant(
        self,
        replant: Replant,
        artifact: Path,
        settings: Settings,
        server: Server,
        deployed: Database,
    ) -> None:
        role = server.create_role("inserts_into_all_but_one")
        tables = [table.name for table in api.plan(settings).tables]
        grant(deployed, role, "INSERT", [name for name in tables if name.name != "domains"])
        outcome = replant("replay", artifact, "--target", deployed.as_role(role))
        assert_one_line(
            outcome, 4, "GRANT INSERT ON meta_public.domains TO inserts_into_all_but_one;"
        )
        assert tenants(deployed) == 0

    def test_without_usage_of_the_schema_is_told_the_grant(
        self, replant: Replant, artifact: Path, server: Server, deployed: Database
    ) -> None:
        role = server.create_role("stranger")
        outcome = replant("verify", artifact, "--target", deployed.as_role(role))
        assert_one_line(
            outcome, 4, "GRANT USAGE ON SCHEMA collections_public, meta_public TO stranger;"
        )

    def test_whose_trigger_drops_a_row_gets_none(
        self, replant: Replant, artifact: Path, deployed: Database
    ) -> None:
        with psycopg.connect(deployed.dsn) as connection:
            connection.execute(
                "CREATE FUNCTION public.drop_it() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN RETURN NULL; END'; CREATE TRIGGER drop_it BEFORE INSERT ON "
                "meta_public.site_themes FOR EACH ROW EXECUTE FUNCTION public.drop_it()"
            )
        outcome = replant("replay", artifact, "--target", deployed.dsn)
        lines(
            outcome,
            4,
            "note: the trigger drop_it of meta_public.site_themes, on INSERT, fires",
            "replant: the target kept 0 of 7 rows of meta_public.site_themes: a trigger",
        )
        assert tenants(deployed) == 0

    def test_that_refuses_a_value(
        self, replant: Replant, artifact: Path, deployed: Database
    ) -> None:
        with psycopg.connect(deployed.dsn) as connection:
            connection.execute(
                "ALTER TABLE meta_public.site_themes ADD CONSTRAINT dark "
                'CHECK (theme @> \'{"dark": "never"}\')'
            )
        outcome = replant("replay", artifact, "--target", deployed.dsn)
        assert_one_line(outcome, 4, "meta_public.site_themes", "dark", "nothing was replayed")
        assert tenants(deployed) == 0


class TestInterruption:
    """Ctrl-C, SIGTERM, SIGKILL and lost connections, at any moment."""

    @pytest.fixture
    def long(self, filled: Database) -> Database:
        """A source with enough rows that a signal comes in the middle."""
        with psycopg.connect(filled.dsn) as connection:
            connection.execute(
                "INSERT INTO collections_public.procedure (database_id, name, definition) "
                "SELECT %s, 'procedure ' || i, repeat('x', 500) "
                "FROM generate_series(1000, 60000) AS i",
                [PLATFORM.scope["database_id"]],
            )
        return filled

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_an_export_with_one_line_and_no_file(
        self, long: Database, tmp_path: Path, number: int
    ) -> None:
        process = start_replant("export", "--source", long.dsn, *SCOPE, "-o", tmp_path / "x.sql")
        while not list(tmp_path.glob(".x.sql.*.partial")):
            time.sleep(0.005)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err == "replant: interrupted; nothing half-done was kept\n"
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("delay", [0.0, 0.05, 0.2])
    def test_a_killed_export_leaves_no_file_under_the_final_name(
        self, long: Database, tmp_path: Path, delay: float
    ) -> None:
        process = start_replant("export", "--source", long.dsn, *SCOPE, "-o", tmp_path / "x.sql")
        while not list(tmp_path.glob(".x.sql.*.partial")):
            time.sleep(0.005)
        time.sleep(delay)
        process.kill()
        process.communicate(timeout=60)
        assert not (tmp_path / "x.sql").exists()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
    def test_a_signal_ends_a_replay_and_the_target_is_as_it_was(
        self, long: Database, settings: Settings, deployed: Database, number: int
    ) -> None:
        artifact = api.export(settings).output
        process = start_replant("replay", artifact, "--target", deployed.dsn)
        self.wait_for_replay(deployed)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
        assert "Traceback" not in err
        assert tenants(deployed) == 0

    def test_a_connection_that_is_cut_is_one_line_and_keeps_nothing(
        self, long: Database, settings: Settings, deployed: Database
    ) -> None:
        artifact = api.export(settings).output
        process = start_replant("replay", artifact, "--target", deployed.dsn)
        pid = self.wait_for_replay(deployed)
        with psycopg.connect(deployed.dsn, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", [pid])
        _, err = process.communicate(timeout=60)
        assert process.returncode == 4
        assert len(err.splitlines()) == 1, err
        assert err.startswith("replant: the target failed: ")
        assert tenants(deployed) == 0

    def wait_for_replay(self, target: Database) -> int:
        """The process id of the backend that loads."""
        query = (
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'replant' "
            "AND datname = current_database() AND query LIKE 'COPY %procedure%FROM stdin%'"
        )
        end = time.monotonic() + 60
        with psycopg.connect(target.dsn, autocommit=True) as connection:
            while time.monotonic() < end:
                row = connection.execute(query.encode()).fetchone()
                if row is not None:
                    return int(row[0])
        raise AssertionError("the replay loads no procedure")


def test_no_configuration_at_all_is_needed(
    replant: Replant,
    filled: Database,
    deployed: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REPLANT_SOURCE", filled.dsn)
    monkeypatch.setenv("REPLANT_TARGET", deployed.dsn)
    assert replant("export", *SCOPE, "-o", "x.sql").err.startswith("exported 1,862 rows")
    assert replant("replay", "x.sql").err.startswith("replayed 1,862 rows of 51 tables")
    assert replant("verify", "x.sql").out == "verified: 1,862 rows of 51 tables are equal\n"


def test_quiet_says_nothing(
    replant: Replant, filled: Database, deployed: Database, tmp_path: Path
) -> None:
    out = tmp_path / "x.sql"
    silent = Outcome(0, "", "")
    assert replant("export", "-q", "--source", filled.dsn, *SCOPE, "-o", out) == silent
    assert replant("replay", "-q", out, "--target", deployed.dsn) == silent
    assert replant("verify", "-q", out, "--target", deployed.dsn) == silent


def test_verification_names_table_and_key_and_ends_with_1(
    replant: Replant, artifact: Path, settings: Settings, deployed: Database
) -> None:
    api.replay(str(artifact), settings)
    with psycopg.connect(deployed.dsn) as connection:
        changed = connection.execute(
            "UPDATE meta_public.apis SET role_name = 'other' WHERE id = "
            "(SELECT min(id::text)::uuid FROM meta_public.apis) RETURNING id"
        ).fetchone()
        removed = connection.execute(
            "DELETE FROM meta_public.site_themes WHERE id = "
            "(SELECT max(id::text)::uuid FROM meta_public.site_themes) RETURNING id"
        ).fetchone()
        added = connection.execute(
            "INSERT INTO meta_public.default_ids_module (database_id) "
            "SELECT id FROM collections_public.database RETURNING id"
        ).fetchone()
    assert changed is not None
    assert removed is not None
    assert added is not None
    outcome = replant("verify", artifact, "--target", deployed.dsn)
    assert outcome.code == 1
    assert f"  id = {changed[0]}: role_name is other, exported was " in outcome.out
    assert f"  id = {removed[0]} is missing in the target" in outcome.out
    assert f"  id = {added[0]} is in the target only" in outcome.out
    assert outcome.out.endswith("3 of 51 tables differ\n")


def test_a_tenant_of_a_target_that_was_verified_before_is_asked_for_its_own_rows_only(
    settings: Settings, artifact: Path, filled: Database
) -> None:
    results = api.verify(str(artifact), evolve(settings, target=filled.dsn))
    field = RelationName("collections_public", "field")
    assert all(result.equal for result in results)
    assert [result.found for result in results if result.name == field] == [848]


def test_a_connection_that_is_lost_after_the_last_row_has_lost_nothing(filled: Database) -> None:
    with reading(filled.dsn, "source") as database:
        pid = database.info.backend_pid
        rows = database.execute("SELECT name FROM collections_public.database").fetchall()
        with psycopg.connect(filled.dsn, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [pid])

    assert len(rows) == 2
