"""Triggers of the target: disabled for the load, named where they refuse, and what they need."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from replant import api
from replant.cli.plan import show
from replant.cli.screen import console
from replant.database.connections import reading
from replant.database.privileges import may_make_temporary_tables
from replant.errors import PreflightError, PrivilegeError, ReplayError
from replant.model import (
    ExportSettings,
    Layout,
    OnConflict,
    RelationName,
    Settings,
    Severity,
    TriggerMode,
)
from replant.testing.servers.server import Server, grant
from replant_plugins.strategies import cycles
from tests.support.commands import Replant
from tests.support.moves import Move

T, LOG = RelationName("s", "t"), RelationName("s", "log")
DIRECTORY = ExportSettings(layout=Layout.DIRECTORY)
TABLE = "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY); CREATE TABLE s.log (t int)"
LOGGING = """
CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN -- INSERT INTO s.nothing
  INSERT INTO s.log VALUES (NEW.id); RETURN NEW; END $$;
CREATE TRIGGER logging AFTER INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();
"""
REFUSING = """
CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE 'not on a Sunday'; END $$;
CREATE TRIGGER refusing BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();
"""


def disabling(move: Move, role: str | None = None) -> Settings:
    settings = evolve(move.settings(), triggers=TriggerMode.DISABLE)
    return settings if role is None else evolve(settings, target=move.to.as_role(role))


def moved(move: Move, of_target: str, source: str = "INSERT INTO s.t VALUES (1), (2)") -> None:
    move.on_both(TABLE)
    move.source.execute(source.encode(), prepare=False)
    move.target.execute(of_target.encode(), prepare=False)
    move.export(DIRECTORY)


def states(move: Move) -> list[str]:
    return move.found(
        "SELECT tgname || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
    )


@pytest.mark.parametrize("mode", ["", "ENABLE ALWAYS", "ENABLE REPLICA"])
def test_triggers_are_disabled_and_are_again_as_they_were(move: Move, mode: str) -> None:
    moved(move, REFUSING + (f"ALTER TABLE s.t {mode} TRIGGER refusing;" if mode else ""))
    before = states(move)
    api.replay(str(move.artifact), disabling(move), host=move.host)
    assert move.found("SELECT id FROM s.t ORDER BY 1") == [1, 2]
    assert states(move) == before


def test_a_deferred_key_and_a_deferred_trigger_do_not_stop_the_enabling(move: Move) -> None:
    moved(
        move,
        REFUSING
        + """ALTER TABLE s.t ADD FOREIGN KEY (id) REFERENCES s.t DEFERRABLE INITIALLY DEFERRED;
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON s.t DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION s.f();""",
    )
    before = states(move)
    api.replay(str(move.artifact), disabling(move), host=move.host)
    assert move.found("SELECT count(*) FROM s.t") == [2]
    assert states(move) == before


def test_triggers_of_partitions_are_disabled(move: Move) -> None:
    move.on_both(
        "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY) PARTITION BY LIST (id);"
        "CREATE TABLE s.t1 PARTITION OF s.t FOR VALUES IN (1);"
        "CREATE TABLE s.t2 PARTITION OF s.t DEFAULT"
    )
    move.source.execute("INSERT INTO s.t VALUES (1), (2)")
    own = REFUSING.replace("refusing BEFORE INSERT ON s.t", "own BEFORE INSERT ON s.t2")
    move.target.execute((REFUSING + own.partition("$$;")[2]).encode(), prepare=False)
    move.export(DIRECTORY)
    before = states(move)
    api.replay(str(move.artifact), disabling(move), host=move.host)
    assert move.found("SELECT count(*) FROM s.t") == [2]
    assert states(move) == before


def test_a_failed_replay_leaves_triggers_enabled(move: Move) -> None:
    moved(move, REFUSING + "ALTER TABLE s.t ADD CHECK (id < 2)")
    with pytest.raises(ReplayError):
        api.replay(str(move.artifact), disabling(move), host=move.host)
    assert states(move) == ["refusingO"]


def test_a_role_that_does_not_own_the_table_is_told_so(move: Move, server: Server) -> None:
    moved(move, REFUSING)
    role = server.create_role()
    grant(move.to, role, "SELECT, INSERT", [T])
    with pytest.raises(PreflightError, match=r"does not own s\.t.*--triggers fire"):
        api.replay(str(move.artifact), disabling(move, role), host=move.host)


def test_the_option_and_the_configuration_disable_triggers(
    move: Move, replant: Replant, tmp_path: Path
) -> None:
    moved(move, REFUSING)
    outcome = replant("replay", move.artifact, "--target", move.to.dsn, "--triggers", "disable")
    assert outcome.code == 0
    assert "note: the trigger refusing of s.t, on INSERT, is disabled for the load" in outcome.err
    move.target.execute("TRUNCATE s.t")
    configuration = tmp_path / "c.toml"
    configuration.write_text('[target]\ntriggers = "disable"\n')
    again = replant("replay", move.artifact, "--target", move.to.dsn, "-c", configuration)
    assert again.code == 0


def test_a_raise_names_the_trigger_and_the_ways_out(move: Move) -> None:
    moved(move, REFUSING)
    with pytest.raises(ReplayError, match="not on a Sunday") as refusal:
        move.replay()
    said = str(refusal.value)
    assert "TRIGGER: trigger refusing of s.t, on INSERT" in said
    assert "--triggers disable" in said
    assert "--strategy superuser" in said


def test_what_a_trigger_function_writes_is_said_before_and_after(
    move: Move, server: Server
) -> None:
    moved(move, LOGGING)
    role = server.create_role()
    grant(move.to, role, "SELECT, INSERT", [T])
    settings = evolve(move.settings(), target=move.to.as_role(role))
    found = api.preflight(str(move.artifact), settings, host=move.host)
    notes = "\n".join(str(f) for f in found.of(Severity.NOTE))
    assert "calls s.f(), which writes to s.log: the role" in notes
    assert "GRANT INSERT ON s.log TO" in notes
    with pytest.raises(PrivilegeError) as refusal:
        move.replay(role)
    assert "TRIGGER: trigger logging of s.t" in str(refusal.value)
    assert "SECURITY DEFINER" in str(refusal.value)
    grant(move.to, role, "INSERT", [LOG])
    assert "which writes" not in "".join(
        map(str, api.preflight(str(move.artifact), settings, host=move.host).findings)
    )


READS_A_SETTING = "current_setting('app.t', true) = '1'"
FUNCTION = """
CREATE FUNCTION s.mine(id int) RETURNS boolean LANGUAGE {} AS $$ {} $$;
CREATE POLICY first ON s.t WITH CHECK (s.mine(id));
"""
IN_PLPGSQL = "BEGIN RETURN id IN (SELECT t FROM s.log); END"


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        (
            f"CREATE POLICY p ON s.t WITH CHECK ({READS_A_SETTING})",
            ["the policy p of s.t does not"],
        ),
        (
            f"""
            CREATE POLICY p ON s.t FOR INSERT WITH CHECK ({READS_A_SETTING});
            CREATE POLICY "Q" ON s.t USING (false);
            CREATE POLICY r ON s.t FOR SELECT USING (true)
            """,
            ['none of the policies "Q", p of s.t takes the row', "[target.settings]"],
        ),
        (
            """
            CREATE POLICY p ON s.t USING (true);
            CREATE POLICY q ON s.t AS RESTRICTIVE WITH CHECK (id < 2)
            """,
            ["the policy q of s.t does not take the row"],
        ),
        (
            "CREATE POLICY p ON s.t USING (current_setting('app.t') = '1')",
            ["POLICY: policy p of s.t", "give it by [target.settings]"],
        ),
        (FUNCTION.format("plpgsql", IN_PLPGSQL), ["POLICY: policy first of s.t"]),
        (FUNCTION.format("sql", "SELECT id IN (TABLE s.log)"), ["POLICY: policy first of s.t"]),
    ],
)
def test_a_policy_that_refuses_a_row_is_named_as_the_reason(
    move: Move, server: Server, policies: str, said: list[str]
) -> None:
    moved(move, f"ALTER TABLE s.t ENABLE ROW LEVEL SECURITY; {policies}")
    role = server.create_role()
    grant(move.to, role, "SELECT, INSERT", [T])
    with pytest.raises((PrivilegeError, ReplayError)) as refusal:
        move.replay(role)
    assert [words for words in said if words not in str(refusal.value)] == [], refusal.value


def test_the_policies_that_will_be_asked_are_named_one_by_one(move: Move, server: Server) -> None:
    moved(
        move,
        "ALTER TABLE s.t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON s.t USING (true);"
        "CREATE POLICY q ON s.t FOR INSERT WITH CHECK (true);"
        "CREATE POLICY d ON s.t FOR DELETE USING (true);"
        "CREATE POLICY o ON s.t TO pg_monitor USING (true)",
    )
    role = server.create_role()
    grant(move.to, role, "SELECT, INSERT", [T])
    settings = evolve(move.settings(), target=move.to.as_role(role))
    notes = api.preflight(str(move.artifact), settings, host=move.host).of(Severity.NOTE)
    (told,) = [str(note) for note in notes if "policies apply" in str(note)]
    assert told == (
        "2 policies apply: the policy p of s.t, on INSERT; the policy q of s.t, on INSERT"
    )
    assert "may hide some: s.t (policy p)" in "".join(map(str, notes))


def test_many_triggers_are_one_note(move: Move, replant: Replant) -> None:
    more = "".join(
        f"CREATE TRIGGER t{n} AFTER INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();"
        for n in range(5)
    )
    moved(move, LOGGING + more)
    quiet = replant("replay", move.artifact, "--target", move.to.dsn, "--dry-run")
    (note,) = [line for line in quiet.out.splitlines() if "rules fire" in line]
    assert note.startswith("note: 6 triggers and rules fire: the trigger logging of s.t")
    assert note.endswith("; and 3 more (-v lists them)")
    loud = replant("replay", move.artifact, "--target", move.to.dsn, "--dry-run", "-v")
    assert "the trigger t4 of s.t" in loud.out


def test_the_plan_says_what_triggers_and_sequences_need(
    move: Move, capsys: pytest.CaptureFixture[str]
) -> None:
    """The source has the same triggers; a table that nobody knows is none."""
    moved(move, "", "INSERT INTO s.t VALUES (1)")
    move.source.execute(LOGGING.encode(), prepare=False)
    move.source.execute(
        'CREATE SCHEMA "My"; CREATE TABLE "My".x (); CREATE TABLE s.v (id serial);'
        "INSERT INTO s.v DEFAULT VALUES;"
        "CREATE FUNCTION s.g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE v SET id = 1;"
        """ DELETE FROM "My".x; INSERT INTO unknown VALUES ('UPDATE s.t'); END $$;"""
        "CREATE TRIGGER g AFTER INSERT ON s.v FOR EACH ROW EXECUTE FUNCTION s.g()",
        prepare=False,
    )
    show(console(), move.plan(), verbose=True)
    needs = capsys.readouterr().out.partition("The role that replays needs:")[2]
    assert "GRANT UPDATE ON SEQUENCE s.v_id_seq TO role_name;" in needs
    assert "GRANT INSERT ON s.log TO role_name; (the trigger logging of s.t, on INSERT" in needs
    assert "GRANT UPDATE ON s.v TO role_name; (the trigger g of s.v" in needs
    assert 'GRANT DELETE ON "My".x TO role_name;' in needs
    assert "ON s.t TO role_name; (" not in needs


def test_an_event_trigger_that_refuses_to_disable_triggers_is_told(move: Move) -> None:
    moved(move, REFUSING)
    move.target.execute(
        "CREATE FUNCTION s.e() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END"
        " $$; CREATE EVENT TRIGGER no_ddl ON ddl_command_start EXECUTE FUNCTION s.e()"
    )
    try:
        found = api.preflight(str(move.artifact), disabling(move), host=move.host)
        notes = "\n".join(map(str, found.of(Severity.NOTE)))
        assert "the event trigger no_ddl fires by ALTER TABLE" in notes
        with pytest.raises(ReplayError, match=r"event trigger no_ddl refuses.*--triggers fire"):
            api.replay(str(move.artifact), disabling(move), host=move.host)
    finally:
        move.target.execute("DROP EVENT TRIGGER no_ddl")


def may_stage(move: Move) -> bool:
    with reading(move.to.dsn, "target") as database:
        return may_make_temporary_tables(database)


def test_an_event_trigger_for_new_tables_keeps_rows_out_of_temporary_ones(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cycles, "MOST_ROWS_TOGETHER", 1)
    move.on_both(
        "CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY, b int NOT NULL);"
        "CREATE TABLE s.b (id int PRIMARY KEY, a int NOT NULL REFERENCES s.a);"
        "ALTER TABLE s.a ADD FOREIGN KEY (b) REFERENCES s.b"
    )
    move.source.execute(
        "WITH _ AS (INSERT INTO s.a VALUES (1, 1), (2, 2)) INSERT INTO s.b VALUES (1, 1), (2, 2)"
    )
    move.export(DIRECTORY)
    assert may_stage(move)
    move.target.execute(
        "CREATE FUNCTION s.f() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'no new tables'; END $$;"
        "CREATE EVENT TRIGGER no_tables ON ddl_command_start WHEN TAG IN ('CREATE TABLE')"
        " EXECUTE FUNCTION s.f()"
    )
    try:
        assert not may_stage(move)
        move.replay(on_conflict=OnConflict.UPDATE)
        move.replay(on_conflict=OnConflict.SAME)
        move.target.execute("ALTER EVENT TRIGGER no_tables DISABLE")
        assert may_stage(move)
    finally:
        move.target.execute("DROP EVENT TRIGGER no_tables")
    assert move.differing() == []
