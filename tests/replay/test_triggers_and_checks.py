"""A replay in which the target keeps fewer, more or other rows than were exported is undone."""

from __future__ import annotations

import re

import pytest
from attrs import evolve, frozen

from replant import api
from replant.cli.plan import show
from replant.cli.screen import console
from replant.model import (
    Check,
    Dangling,
    ExportSettings,
    OnConflict,
    RelationName,
)
from replant.testing.servers.server import Server, grant
from tests.support.commands import Replant
from tests.support.moves import (
    FORMS,
    WAYS,
    Move,
    Outcome,
    Way,
    in_every_file,
    in_every_format,
    in_three_ways,
    in_two_ways,
)

T, U = RelationName("s", "t"), RelationName("s", "u")

TABLES = """
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, v text);
CREATE TABLE s.u (id int PRIMARY KEY, t int REFERENCES s.t ON DELETE CASCADE ON UPDATE CASCADE)
"""
ROWS = """
INSERT INTO s.t SELECT i, 'v' || i FROM generate_series(1, 5) AS i;
INSERT INTO s.u SELECT i, i FROM generate_series(1, 4) AS i
"""


@frozen
class Fault:
    """What is wrong in the target, and what a replay says of it, as a regular expression."""

    ddl: str
    said: str


def trigger(event: str, body: str, *, on: str = "s.t", suffix: str = "FOR EACH ROW") -> str:
    """A trigger `g` with this body."""
    kind = "CONSTRAINT TRIGGER" if "DEFERRABLE" in suffix else "TRIGGER"
    return f"""
    CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN {body} END $f$;
    CREATE {kind} g {event} INSERT ON {on} {suffix} EXECUTE FUNCTION s.f();
    """


FEWER = r"s\.t: 5 exported, and 4 of this replay in the target"
MORE = r"s\.t: 5 exported, and 6 of this replay in the target"
OTHER = r"s\.t: the rows differ from those that were exported"

FAULTS = {
    "drops-a-row": Fault(
        trigger("BEFORE", "IF NEW.id <> 5 THEN RETURN NEW; END IF; RETURN NULL;"),
        rf"kept 4 of 5 rows of s\.t: a trigger or rule of the target dropped|{FEWER}",
    ),
    "changes-a-value": Fault(
        trigger("BEFORE", "NEW.v := replace(NEW.v, 'v3', 'V3'); RETURN NEW;"), OTHER
    ),
    "changes-null": Fault(
        "ALTER TABLE s.t ADD w text;"
        + trigger("BEFORE", "NEW.v := coalesce(NEW.v, 'by default'); RETURN NEW;"),
        OTHER,
    ),
    "changes-a-key": Fault(
        trigger("AFTER", "UPDATE s.t SET id = 50 WHERE id = 5; RETURN NULL;"), OTHER
    ),
    "swaps-values": Fault(
        trigger(
            "AFTER",
            "UPDATE s.t SET v = translate(v, '12', '21') WHERE id < 3; RETURN NULL;",
            suffix="FOR EACH STATEMENT",
        ),
        OTHER,
    ),
    "deletes-a-row": Fault(
        trigger("AFTER", "DELETE FROM s.t WHERE id = 5; RETURN NULL;", suffix=""), FEWER
    ),
    "deletes-a-row-of-another-table": Fault(
        trigger("AFTER", "DELETE FROM s.t WHERE id = 5; RETURN NULL;", on="s.u"), FEWER
    ),
    "adds-a-row": Fault(
        trigger("AFTER", "INSERT INTO s.t SELECT 9 WHERE NEW.id = 5; RETURN NULL;"), MORE
    ),
    "adds-a-row-in-a-block-with-exception": Fault(
        trigger(
            "AFTER",
            "BEGIN INSERT INTO s.t SELECT 9 WHERE NEW.id = 5; EXCEPTION WHEN others THEN END;"
            "RETURN NULL;",
        ),
        MORE,
    ),
    "changes-a-value-in-a-block-with-exception": Fault(
        trigger(
            "AFTER",
            "BEGIN UPDATE s.t SET v = 'x' WHERE id = 2; EXCEPTION WHEN others THEN END;"
            "RETURN NULL;",
        ),
        OTHER,
    ),
    "changes-a-value-when-constraints-are-checked": Fault(
        trigger(
            "AFTER",
            "UPDATE s.t SET v = 'late' WHERE id = NEW.id; RETURN NULL;",
            suffix="DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
        ),
        OTHER,
    ),
    "pads-by-its-type": Fault(
        "ALTER TABLE s.t ALTER v TYPE char(10)", rf"would make another value of 'v1'|{OTHER}"
    ),
}

each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


def prepared(move: Move, fault: Fault) -> Move:
    """Rows to move, a row in the target that has nothing to do with them, and the fault."""
    move.on_both(TABLES)
    move.source.execute(ROWS)
    move.source.execute("UPDATE s.t SET v = NULL WHERE id = 4")
    move.target.execute("INSERT INTO s.t VALUES (100, 'was there')")
    move.target.execute(fault.ddl.encode(), prepare=False)
    return move


def assert_refused(move: Move, outcome: Outcome, said: str) -> None:
    """It was refused with these words, and nothing was kept."""
    assert not outcome.kept
    assert re.search(said, outcome.said), outcome.said
    assert move.found("SELECT rtrim(v) FROM s.t") == ["was there"]
    assert move.found("TABLE s.u") == []


# -- what triggers do ---------------------------------------------------------------------------


@in_three_ways
@each_fault
def test_a_fault_of_the_target_undoes_the_replay(move: Move, way: Way, fault: Fault) -> None:
    prepared(move, fault)
    assert_refused(move, move.move(way), fault.said)


@each_fault
def test_a_fault_that_replicas_have_too_undoes_the_replay(move: Move, fault: Fault) -> None:
    prepared(move, fault)
    if "TRIGGER g" in fault.ddl:
        table = "s.u" if "ON s.u" in fault.ddl else "s.t"
        move.target.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER g".encode())
    by_superuser = evolve(move, strategy="superuser")
    assert_refused(move, by_superuser.move(WAYS["file-insert-by-psql"]), fault.said)


@in_two_ways
def test_as_a_replica_ordinary_triggers_change_nothing(move: Move, way: Way) -> None:
    prepared(move, FAULTS["changes-a-value"])
    assert evolve(move, strategy="superuser").move(way).kept
    assert move.found("SELECT v FROM s.t WHERE id = 3") == ["v3"]


def test_a_trigger_of_another_table_is_named(move: Move) -> None:
    body = "UPDATE s.t SET v = 'x' WHERE id = NEW.t; RETURN NULL;"
    prepared(move, Fault(trigger("AFTER", body, on="s.u"), ""))
    said = move.move(WAYS["directory"]).said
    assert "s.t: the rows differ" in said
    assert "the trigger g of s.u, on INSERT, may have changed it" in said
    assert "--triggers disable as the owner of the table" in said


RULES = {
    "instead-nothing": "CREATE RULE r AS ON INSERT TO s.t DO INSTEAD NOTHING",
    "instead-some": "CREATE RULE r AS ON INSERT TO s.t WHERE NEW.id = 5 DO INSTEAD NOTHING",
    "also": "CREATE RULE r AS ON INSERT TO s.t DO ALSO UPDATE s.t SET v = 'x' WHERE id = NEW.id",
}


RULED = r"s\.t: 5 exported, and [04] of this replay in the target"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("name", ["file-insert", "file-insert-by-psql"])
def test_a_rule_of_the_target_undoes_the_replay(move: Move, name: str, rule: str) -> None:
    prepared(move, Fault(rule, ""))
    move.target.execute("ALTER TABLE s.u DROP CONSTRAINT u_t_fkey")
    assert_refused(move, move.move(WAYS[name]), rf"rows of s\.t: a trigger or rule|{RULED}|{OTHER}")


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("name", ["file-copy", "file-copy-by-psql", "directory"])
def test_copy_follows_no_rule(move: Move, name: str, rule: str) -> None:
    prepared(move, Fault(rule, ""))
    assert move.move(WAYS[name]).kept
    assert move.found("SELECT count(*) FROM s.t") == [6]


# -- the other ways to go wrong -----------------------------------------------------------------


@in_three_ways
def test_rows_that_go_to_another_scope_are_missed(move: Move, way: Way) -> None:
    move.on_both(
        "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, tenant int);"
        "CREATE TABLE s.u (id int PRIMARY KEY, t int REFERENCES s.t)"
    )
    move.source.execute("INSERT INTO s.t VALUES (1, 7), (2, 7), (3, 8)")
    move.source.execute("INSERT INTO s.u VALUES (1, 1), (2, 2), (3, 3)")
    of_tenant = move.of_tenant("7")
    assert of_tenant.move(way).kept
    move.target.execute("TRUNCATE s.t CASCADE")
    move.target.execute(
        trigger("BEFORE", "NEW.tenant := NEW.id; RETURN NEW;").encode(), prepare=False
    )
    outcome = of_tenant.load(way)
    assert not outcome.kept
    assert "s.t: 2 exported, and 0 of this replay in the target" in outcome.said


@in_every_format
def test_rows_that_another_session_adds_meanwhile_are_not_counted(
    move: Move, form: ExportSettings
) -> None:
    move.on_both(TABLES)
    move.source.execute(ROWS)
    move.export(form)

    def add(table: RelationName, _rows: int, _size: int) -> None:
        number = 100 + move.found("SELECT count(*) FROM s.t")[0]
        move.target.execute("INSERT INTO s.t VALUES (%s, 'meanwhile')", [number])

    api.replay(str(move.artifact), move.settings(), progress=add)
    assert move.found("SELECT count(*) FROM s.t WHERE v = 'meanwhile'") == [2]
    assert move.found("SELECT count(*) FROM s.t WHERE v <> 'meanwhile'") == [5]


def with_savepoints(move: Move) -> None:
    """Change the file as a client would that sets a savepoint before every statement."""
    found = move.artifact.read_bytes()
    statement = re.compile(rb"^(?=(?:COPY|INSERT|DO) )", re.MULTILINE)
    move.artifact.write_bytes(statement.sub(b"SAVEPOINT a;\n", found))


@in_every_file
def test_savepoints_around_every_statement_do_no_harm(move: Move, form: ExportSettings) -> None:
    move.on_both(TABLES)
    move.source.execute(ROWS)
    move.export(form)
    with_savepoints(move)
    assert move.psql() == Outcome(kept=True, said="")
    assert move.same("TABLE s.t ORDER BY id")


@in_every_file
def test_savepoints_hide_no_reference_that_leads_nowhere(move: Move, form: ExportSettings) -> None:
    move.on_both(TABLES)
    move.source.execute("SET session_replication_role = replica; INSERT INTO s.u VALUES (1, 99)")
    broken = evolve(move, strategy="superuser")
    broken.export(evolve(form, dangling=Dangling.EXPORT))
    with_savepoints(broken)
    outcome = broken.psql()
    assert not outcome.kept
    assert "a row of s.u violates its foreign key u_t_fkey" in outcome.said
    assert move.found("TABLE s.u") == []


# -- what the role may see ----------------------------------------------------------------------


@in_three_ways
def test_a_role_that_may_insert_alone_is_told_that_nothing_was_compared(
    move: Move, way: Way, server: Server
) -> None:
    move.on_both(TABLES)
    move.source.execute(ROWS)
    role = server.create_role("inserts alone")
    grant(move.to, role, "INSERT", [T, U])
    move.export(way.form)
    outcome = move.load(way, role)
    assert outcome.kept
    told = (
        'not compared with the exported rows, since the role "inserts alone" may not SELECT all '
        "of them: s.t, s.u"
    )
    assert told in outcome.said
    assert move.same("TABLE s.t ORDER BY id")


@in_two_ways
def test_of_many_tables_that_the_role_may_not_see_three_are_named(
    move: Move, way: Way, server: Server
) -> None:
    tables = [RelationName("s", f"t{number}") for number in range(5)]
    listed = "; ".join(f"CREATE TABLE {table} (id int)" for table in tables)
    move.on_both(f"CREATE SCHEMA s; {listed}")
    role = server.create_role("inserts alone")
    grant(move.to, role, "INSERT", tables)
    move.export(way.form)
    assert "of them: s.t0, s.t1, s.t2 and 2 more" in move.load(way, role).said


@in_two_ways
def test_what_the_role_may_see_is_compared_although_there_is_more(
    move: Move, way: Way, server: Server
) -> None:
    prepared(move, FAULTS["changes-a-value"])
    role = server.create_role("sees some")
    grant(move.to, role, "INSERT", [T, U])
    grant(move.to, role, "SELECT", [T])
    move.export(way.form)
    assert_refused(move, move.load(way, role), OTHER)


# -- what is compared can be chosen -------------------------------------------------------------


@in_two_ways
def test_counts_alone_miss_what_changed(move: Move, way: Way) -> None:
    prepared(move, FAULTS["changes-a-value"])
    move.export(evolve(way.form, check=Check.COUNT))
    assert move.load(way).kept
    assert "column='v', exported='v3', found='V3'" in move.differing()[0]


@in_two_ways
def test_counts_alone_find_what_is_missing(move: Move, way: Way) -> None:
    prepared(move, FAULTS["deletes-a-row"])
    move.export(evolve(way.form, check=Check.COUNT))
    assert_refused(move, move.load(way), FEWER)


@in_two_ways
def test_without_checks_nothing_is_compared(move: Move, way: Way) -> None:
    prepared(move, FAULTS["deletes-a-row"])
    move.export(evolve(way.form, check=Check.NONE))
    assert move.load(way).kept
    assert "Kind.MISSING" in move.differing()[0]


# -- what is found afterwards, and beforehand ---------------------------------------------------


@in_every_format
def test_verify_names_the_table_the_key_the_column_and_both_values(
    move: Move, form: ExportSettings, replant: Replant
) -> None:
    move.on_both(TABLES)
    move.source.execute(ROWS)
    move.export(form)
    move.replay()
    move.target.execute(
        "UPDATE s.t SET v = 'changed' WHERE id = 2; DELETE FROM s.t WHERE id = 5;"
        "INSERT INTO s.t VALUES (6)"
    )
    outcome = replant("verify", move.artifact, "--target", move.to.dsn)
    assert outcome.code == 1
    assert outcome.out.splitlines() == [
        "s.t: 3 rows differ (1 missing, 1 changed, 1 only in the target), of 5 rows exported:",
        "  id = 2: v is changed, exported was v2",
        "  id = 5 is missing in the target",
        "  id = 6 is in the target only",
        "1 of 2 tables differs",
    ]


TRIGGERS = """
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, v text);
CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER ordinary BEFORE INSERT OR UPDATE ON s.t EXECUTE FUNCTION s.f();
CREATE TRIGGER always AFTER INSERT ON s.t EXECUTE FUNCTION s.f();
ALTER TABLE s.t ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER replica AFTER INSERT ON s.t EXECUTE FUNCTION s.f();
ALTER TABLE s.t ENABLE REPLICA TRIGGER replica;
CREATE TRIGGER disabled AFTER INSERT ON s.t EXECUTE FUNCTION s.f();
ALTER TABLE s.t DISABLE TRIGGER disabled;
CREATE TRIGGER on_update AFTER UPDATE OF v ON s.t EXECUTE FUNCTION s.f();
CREATE TRIGGER on_delete AFTER DELETE ON s.t EXECUTE FUNCTION s.f();
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON s.t DEFERRABLE FOR EACH ROW EXECUTE FUNCTION s.f();
"""


def firing(move: Move, form: ExportSettings | None = None) -> list[str]:
    return [str(trigger) for trigger in move.plan(form).triggers]


def test_the_plan_lists_the_triggers_that_fire(move: Move) -> None:
    move.on_both(TRIGGERS)
    assert firing(move) == [
        "trigger always of s.t, on INSERT",
        "trigger late of s.t, on INSERT",
        "trigger ordinary of s.t, on INSERT",
    ]


def test_the_plan_lists_the_triggers_that_fire_for_rows_that_are_updated(move: Move) -> None:
    move.on_both(TRIGGERS)
    assert firing(move, ExportSettings(on_conflict=OnConflict.UPDATE)) == [
        "trigger always of s.t, on INSERT",
        "trigger late of s.t, on INSERT",
        "trigger on_update of s.t, on UPDATE",
        "trigger ordinary of s.t, on INSERT and UPDATE",
    ]


def test_the_plan_lists_the_triggers_that_fire_in_a_replica(move: Move) -> None:
    move.on_both(TRIGGERS)
    assert firing(evolve(move, strategy="superuser")) == [
        "trigger always of s.t, on INSERT",
        "trigger replica of s.t, on INSERT",
    ]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (FORMS["file-insert"], ["rule also of s.t, on INSERT"]),
        (FORMS["file-copy"], []),
        (FORMS["directory"], []),
        (
            evolve(FORMS["directory"], on_conflict=OnConflict.SKIP),
            ["rule also of s.t, on INSERT"],
        ),
    ],
    ids=["insert", "copy", "directory", "directory-skipping"],
)
def test_the_plan_lists_rules_where_rows_are_inserted(
    move: Move, form: ExportSettings, expected: list[str]
) -> None:
    move.on_both(TABLES)
    move.on_both("CREATE RULE also AS ON INSERT TO s.t DO ALSO NOTIFY somebody")
    assert firing(move, form) == expected


def test_the_plan_lists_the_triggers_of_partitions(move: Move) -> None:
    move.on_both(
        "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE s.p PARTITION OF s.t DEFAULT;"
        "CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER of_root BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();"
        "CREATE TRIGGER of_partition BEFORE INSERT ON s.p FOR EACH ROW EXECUTE FUNCTION s.f()"
    )
    assert firing(move) == [
        "trigger of_partition of s.p, on INSERT",
        "trigger of_root of s.t, on INSERT",
    ]


def test_the_plan_shows_triggers_and_sequences_to_people(
    move: Move, capsys: pytest.CaptureFixture[str]
) -> None:
    move.on_both(TRIGGERS)
    move.on_both("CREATE TABLE s.q (id int GENERATED ALWAYS AS IDENTITY)")
    move.source.execute("INSERT INTO s.q SELECT FROM generate_series(1, 3)")
    show(console(), move.plan(), verbose=False)
    shown = capsys.readouterr().out
    assert "Triggers and rules that fire, if the target has them too:" in shown
    assert "  trigger always of s.t, on INSERT\n" in shown
    assert "Sequences that are moved forward, to cover the rows:\n  s.q.id: 1 to 3\n" in shown
