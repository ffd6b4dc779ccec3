"""What prevents a replay is found before the first row, all of it, with its mend."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve

from replant import api
from replant.errors import PreflightError, ReplayError
from replant.model import (
    Check,
    Dangling,
    ExportSettings,
    Finding,
    Layout,
    OnConflict,
    Registration,
    RelationName,
    Severity,
    Subject,
    TableSettings,
)
from replant.preflight.preflight import Preflight
from replant.testing.servers.server import Server, grant
from tests.support.commands import Replant
from tests.support.moves import Move, in_every_format

T, U = RelationName("s", "t"), RelationName("s", "u")
TABLE = "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text)"
ROWS = "INSERT INTO s.t VALUES (1, 'a'), (2, 'b'), (3, NULL)"

Role = Callable[[str], str]


@pytest.fixture
def role(move: Move, server: Server) -> Role:
    """Makes a role with privileges on s.t."""

    def make(privileges: str) -> str:
        name = server.create_role("met_by_preflight")
        grant(move.to, name, privileges, [T])
        return name

    return make


def found(
    move: Move,
    role: str | None = None,
    strategy: str | None = None,
    on_conflict: OnConflict | None = None,
) -> Preflight:
    settings = move.settings(ExportSettings(on_conflict=on_conflict))
    if role is not None:
        settings = evolve(settings, target=move.to.as_role(role))
    return api.preflight(str(move.artifact), settings, strategy=strategy, host=move.host)


def only(preflight: Preflight) -> Finding:
    """The one finding, beside what a dry run does not ask."""
    (finding,) = (f for f in preflight.findings if not f.what.startswith("a dry run does not ask"))
    return finding


def moved(
    move: Move, ddl: str = TABLE, rows: str = ROWS, form: ExportSettings | None = None
) -> None:
    """Both databases have the tables, the source the rows, and the artifact is written."""
    move.on_both(ddl)
    move.source.execute(rows)
    move.export(form)


def test_nothing_in_the_way_is_no_finding(move: Move) -> None:
    moved(move)
    assert found(move).findings == ()
    assert move.found("SELECT count(*) FROM s.t") == [0]


def test_everything_that_is_in_the_way_is_said_at_once(move: Move, server: Server) -> None:
    moved(
        move,
        """
        CREATE SCHEMA s;
        CREATE TABLE s.p (id int PRIMARY KEY);
        CREATE TABLE s.t (id int PRIMARY KEY, p int REFERENCES s.p, v text);
        CREATE TABLE s.u (id int);
        CREATE TABLE s.gone (id int);
        """,
        """
        INSERT INTO s.p VALUES (7); INSERT INTO s.t VALUES (1, 7, NULL);
        INSERT INTO s.u VALUES (1); INSERT INTO s.gone VALUES (1)
        """,
    )
    move.target.execute(
        """
        DROP TABLE s.gone; ALTER TABLE s.u ADD needed int NOT NULL;
        INSERT INTO s.p VALUES (7); INSERT INTO s.t VALUES (1, 7, 'old');
        ALTER TABLE s.t ALTER v SET NOT NULL
        """
    )
    name = server.create_role("met_by_preflight")
    grant(move.to, name, "INSERT, SELECT", [T, RelationName("s", "p")])
    with pytest.raises(PreflightError) as refusal:
        move.replay(name)
    there = (
        "these may be rows of somebody else: remove them from the target, or replay into another "
        "database"
    )
    alter = "ALTER TABLE {0} ALTER COLUMN {1} SET DEFAULT …; or ALTER TABLE {0} ALTER COLUMN {1} "
    drop = "DROP NOT NULL;"
    assert dict(line.split("; ", 1) for line in sorted(str(refusal.value).splitlines())) == {
        "s.p already holds 1 of these rows, the first by id = 7 (1 equal)": (
            "replay with --on-conflict same, which skips rows that are equal and refuses others, "
            "or remove them from the target"
        ),
        "s.t already holds 1 of these rows, the first by id = 1 (0 equal, 1 with other values, as "
        "id = 1: v is old, exported was NULL)": there,
        "s.t.v is NOT NULL there, and 1 row holds NULL, the first with id = 1": (
            "ALTER TABLE s.t ALTER COLUMN v DROP NOT NULL; or export without the column (omit)"
        ),
        "s.u.needed is NOT NULL there, has no default, and is not in the artifact": (
            alter.format("s.u", "needed") + drop
        ),
        "the role 'met_by_preflight' lacks INSERT on s.u": (
            "GRANT INSERT ON s.u TO met_by_preflight;"
        ),
        "there is no table s.gone": "bring the schema to the state of the source's",
    }
    assert move.found("SELECT v FROM s.t") == ["old"]


# -- columns ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        "c int NOT NULL DEFAULT 1",
        "c int GENERATED ALWAYS AS IDENTITY",
        "c bigserial",
        "c int GENERATED ALWAYS AS (id + 1) STORED NOT NULL",
        "c s.given",
        "c int",
    ],
)
def test_a_column_that_gets_a_value_by_itself_is_not_in_the_way(move: Move, column: str) -> None:
    moved(move)
    move.target.execute("CREATE DOMAIN s.given AS int NOT NULL DEFAULT 3")
    move.target.execute(f"ALTER TABLE s.t ADD {column}")
    told = found(move).findings
    assert [f.what.partition(": ")[2] for f in told] == (
        ["computed columns and defaults: c of s.t"] if "AS (" in column else []
    )
    assert move.replay().rows == {T: 3}


@pytest.mark.parametrize("kind", ["int NOT NULL", "s.never"])
def test_a_column_that_a_trigger_may_fill_is_noted(move: Move, kind: str) -> None:
    moved(move)
    move.target.execute("CREATE DOMAIN s.never AS int NOT NULL")
    move.target.execute(f"ALTER TABLE s.t ADD c {kind}")
    assert only(found(move)).severity is Severity.REFUSES
    move.target.execute(
        "CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.c := 1; RETURN NEW;"
        " END'; CREATE TRIGGER g BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f()"
    )
    noted = found(move).findings
    assert [f.severity for f in noted] == [Severity.NOTE, Severity.NOTE, Severity.NOTE]
    assert noted[-1].remedy == "replay with --rehearse does, and undoes everything"
    if kind != "s.never":  # a domain is asked before any trigger
        assert move.replay().rows == {T: 3}


# -- types --------------------------------------------------------------------------------------

MOOD = """
CREATE SCHEMA s;
CREATE TYPE s.mood AS ENUM ({labels});
CREATE TABLE s.t (id int PRIMARY KEY, v s.mood{array})
"""


@pytest.mark.parametrize("array", ["", "[]"])
@pytest.mark.parametrize(
    ("value", "severity"), [("so", Severity.NOTE), ("it''s", Severity.REFUSES)]
)
def test_a_label_that_the_targets_enum_lacks_is_in_the_way_of_rows_that_hold_it(
    move: Move, array: str, value: str, severity: Severity
) -> None:
    move.source.execute(MOOD.format(labels="'so', 'it''s'", array=array))
    move.target.execute(MOOD.format(labels="'new', 'so'", array=array))
    move.source.execute(
        f"INSERT INTO s.t VALUES (1, '{{{value}}}')"
        if array
        else f"INSERT INTO s.t VALUES (1, '{value}')"
    )
    move.export()
    finding = only(found(move))
    assert (finding.place, finding.severity) == ("s.t.v", severity)
    assert "s.mood has no label 'it''s' there" in finding.what
    if severity is Severity.REFUSES:
        assert 'invalid input value for enum s.mood: "it\'s"' in finding.what
        assert finding.remedy == "ALTER TYPE s.mood ADD VALUE 'it''s';"
        with pytest.raises(PreflightError):
            move.replay()
    else:
        assert move.replay().rows == {T: 1}


@pytest.mark.parametrize(
    ("there", "value", "severity", "words"),
    [
        ("bigint", "7", Severity.NOTE, "the type is bigint there, and was integer in the source"),
        ("text", "7", Severity.NOTE, "the type is text there"),
        ("smallint", "7", Severity.NOTE, "the type is smallint there"),
        ("smallint", "70000", Severity.REFUSES, "out of range for type smallint"),
        ("boolean", "7", Severity.REFUSES, "invalid input syntax for type boolean"),
        ("char(3)", "7", Severity.REFUSES, "would make another value of '7'"),
        ("s.small", "7", Severity.NOTE, "the type is s.small there"),
        ("s.small", "70", Severity.REFUSES, 'violates check constraint "small_check"'),
    ],
)
def test_another_type_is_in_the_way_of_values_that_it_does_not_hold(
    move: Move, there: str, value: str, severity: Severity, words: str
) -> None:
    moved(move, "CREATE SCHEMA s; CREATE TABLE s.t (v int)", f"INSERT INTO s.t VALUES ({value})")
    move.target.execute("CREATE DOMAIN s.small AS int CHECK (VALUE < 10)")
    move.target.execute(f"ALTER TABLE s.t ALTER v TYPE {there} USING v::text::{there}")
    finding = only(found(move))
    assert (finding.subject, finding.severity) == (Subject.TYPE, severity)
    assert words in finding.what
    if severity is Severity.NOTE:
        assert move.replay().rows == {T: 1}
    else:
        with pytest.raises(PreflightError):
            move.replay()


def test_a_stricter_domain_is_in_the_way_of_values_that_it_refuses(move: Move) -> None:
    columns = "CREATE TABLE s.t (a s.d, b s.d[])"
    move.source.execute(f"CREATE SCHEMA s; CREATE DOMAIN s.d AS int; {columns}")
    move.target.execute(f"CREATE SCHEMA s; CREATE DOMAIN s.d AS int CHECK (VALUE < 2); {columns}")
    move.source.execute("INSERT INTO s.t VALUES (1, '{1,2}')")
    move.export()
    fine, refused = found(move).findings
    assert (fine.place, fine.severity) == ("s.t.a", Severity.NOTE)
    assert (refused.place, refused.severity) == ("s.t.b", Severity.REFUSES)
    assert "s.d is a domain over integer CHECK ((VALUE < 2)) there, and was" in refused.what


def test_a_value_that_is_rounded_is_in_the_way_only_of_a_check_by_content(move: Move) -> None:
    numbers = "CREATE SCHEMA s; CREATE TABLE s.t (v numeric(6, 2))"
    moved(move, numbers, "INSERT INTO s.t VALUES (1.25)", ExportSettings(check=Check.NONE))
    move.target.execute("ALTER TABLE s.t ALTER v TYPE numeric(6, 1)")
    assert only(found(move)).severity is Severity.NOTE
    move.export(ExportSettings(check=Check.CONTENT))
    assert only(found(move)).severity is Severity.REFUSES


# -- rows that are there ------------------------------------------------------------------------

UNIQUE = "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, code text UNIQUE, v text)"
UNIQUE_ROWS = "INSERT INTO s.t VALUES (1, 'a', 'x'), (2, 'b', 'y'), (3, NULL, 'z')"


@in_every_format
def test_a_row_is_there_already_by_any_unique_key(move: Move, form: ExportSettings) -> None:
    moved(move, UNIQUE, UNIQUE_ROWS, form)
    move.target.execute("INSERT INTO s.t VALUES (2, 'q', ''), (9, 'a', ''), (8, NULL, '')")
    finding = only(found(move))
    assert (finding.subject, finding.severity) == (Subject.ROW, Severity.REFUSES)
    assert finding.what == (
        "s.t already holds 2 of these rows, the first by id = 2 (0 equal, 2 with other values, as "
        "id = 2: code is q, exported was b; v is , exported was y)"
    )
    assert "--on-conflict" not in finding.remedy


def test_rows_to_skip_or_to_update_are_noted(move: Move) -> None:
    moved(move, UNIQUE, UNIQUE_ROWS)
    move.target.execute("INSERT INTO s.t VALUES (2, 'b', 'old')")
    skipped = only(found(move, on_conflict=OnConflict.SKIP))
    updated = only(found(move, on_conflict=OnConflict.UPDATE))
    assert (skipped.severity, updated.severity) == (Severity.NOTE, Severity.NOTE)
    assert skipped.what.endswith("they are left as they are")
    assert updated.what.endswith("they are updated where they differ")


def test_a_row_to_update_that_meets_another_by_another_key_is_refused(move: Move) -> None:
    moved(move, UNIQUE, UNIQUE_ROWS)
    move.target.execute("INSERT INTO s.t VALUES (2, 'b', 'old'), (9, 'a', 'other')")
    noted, refused = found(move, on_conflict=OnConflict.UPDATE).findings
    assert "s.t already holds 1 of these rows, the first by id = 2" in noted.what
    assert refused.severity is Severity.REFUSES
    assert refused.what == (
        "s.t holds other rows with the unique values of 1 of these rows, the first by code = a"
    )
    assert found(move, on_conflict=OnConflict.SKIP).of(Severity.REFUSES) == ()


REFERENCED = UNIQUE + "; CREATE TABLE s.u (id int PRIMARY KEY, t int NOT NULL REFERENCES s.t)"


def test_a_reference_to_a_row_that_is_skipped_for_another_one_is_noted(move: Move) -> None:
    """The target has its unique value under another primary key."""
    moved(move, REFERENCED, "INSERT INTO s.t VALUES (1, 'a', ''); INSERT INTO s.u VALUES (1, 1)")
    move.target.execute("INSERT INTO s.t VALUES (9, 'a', '')")
    found_ = found(move, on_conflict=OnConflict.SKIP)
    (told,) = [f for f in found_.findings if f.subject is Subject.REFERENCE]
    assert told.what == (
        "s.u(t) → s.t(id): the target lacks 1 row that is referenced, the first by t = 1"
    )
    assert "--rehearse" in told.remedy
    with pytest.raises(ReplayError, match="remove the row of the target for which it was skipped"):
        move.replay(on_conflict=OnConflict.SKIP)


def test_rows_that_exchange_a_unique_value_are_noted(move: Move, replant: Replant) -> None:
    moved(move, UNIQUE, "INSERT INTO s.t VALUES (1, 'a', ''), (2, 'b', '')")
    move.target.execute("INSERT INTO s.t VALUES (1, 'b', ''), (2, 'a', '')")
    (told,) = [
        f
        for f in found(move, on_conflict=OnConflict.UPDATE).findings
        if f.subject is Subject.UNSEEN
    ]
    assert "rows of s.t exchange unique values with rows that are updated too" in told.what
    assert "--rehearse" in told.remedy
    with pytest.raises(ReplayError, match=r"artifact updates that one too, let .*DEFERRABLE"):
        move.replay(on_conflict=OnConflict.UPDATE)
    options = ("--target", move.to.dsn, "--on-conflict", "update", "--dry-run")
    outcome = replant("replay", move.artifact, *options)
    assert outcome.out.startswith("would insert or update 2 rows of 1 table by")


def test_a_row_in_the_way_that_is_updated_itself_is_left_to_the_load(move: Move) -> None:
    moved(move, UNIQUE, "INSERT INTO s.t VALUES (1, 'b', 'x'), (2, 'a', 'y')")
    move.target.execute("INSERT INTO s.t VALUES (1, 'a', ''), (3, 'b', '')")
    (refused,) = found(move, on_conflict=OnConflict.UPDATE).of(Severity.REFUSES)
    assert refused.what.endswith("the unique values of 1 of these rows, the first by code = b")


def test_a_target_that_has_every_row_is_told_so_in_one_line(move: Move) -> None:
    moved(move, UNIQUE, UNIQUE_ROWS)
    move.replay()
    assert "already holds every row of this artifact: it was replayed before" in str(
        only(found(move))
    )


def test_a_replay_looks_at_the_first_rows_and_a_dry_run_at_all(move: Move) -> None:
    moved(move, rows="INSERT INTO s.t SELECT i FROM generate_series(1, 10500) AS i")
    move.target.execute("INSERT INTO s.t VALUES (10400)")
    assert "already holds 1 of these rows, the first by id = 10400" in str(only(found(move)))
    with pytest.raises(Exception, match=r"the target already holds a row of this artifact in s\.t"):
        move.replay()
    move.target.execute("UPDATE s.t SET id = 9")
    with pytest.raises(PreflightError, match="already holds 1 of these rows, the first by id = 9"):
        move.replay()


# -- references ---------------------------------------------------------------------------------

CHILD = """
CREATE SCHEMA s;
CREATE TABLE s.p (a int, b text, PRIMARY KEY (a, b));
CREATE TABLE s.t (id int PRIMARY KEY, a int, b text, FOREIGN KEY (a, b) REFERENCES s.p)
"""
CHILD_ROWS = """
INSERT INTO s.p VALUES (1, 'x'), (2, 'y');
INSERT INTO s.t VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 2, 'y'), (4, 3, NULL)
"""


@in_every_format
def test_rows_outside_the_set_that_the_target_lacks_are_in_the_way(
    move: Move, form: ExportSettings
) -> None:
    children = evolve(move, registrations=(Registration("s.t"),))
    moved(children, CHILD, CHILD_ROWS, evolve(form, dangling=Dangling.EXPORT))
    move.target.execute("INSERT INTO s.p VALUES (1, 'x')")
    finding = only(found(move))
    assert (finding.subject, finding.severity) == (Subject.REFERENCE, Severity.REFUSES)
    assert finding.what == (
        "s.t(a, b) → s.p(a, b): the target lacks 1 row that is referenced, the first by "
        "a = 2, b = y"
    )
    assert only(found(move, on_conflict=OnConflict.SKIP)).severity is Severity.NOTE
    move.target.execute("INSERT INTO s.p VALUES (2, 'y')")
    assert found(move).findings == ()
    assert move.replay().rows == {T: 4}


@in_every_format
def test_a_reference_within_the_tables_is_served_by_the_artifact_or_by_the_target(
    move: Move, form: ExportSettings
) -> None:
    some = evolve(move, tables=(TableSettings(RelationName("s", "p"), where="a = 1"),))
    moved(some, CHILD, CHILD_ROWS, evolve(form, dangling=Dangling.EXPORT))
    finding = only(found(move))
    assert finding.severity is Severity.REFUSES
    assert finding.what.endswith("the first by a = 2, b = y")
    move.target.execute("INSERT INTO s.p VALUES (2, 'y')")
    assert found(move).findings == ()
    assert move.replay().rows == {RelationName("s", "p"): 1, T: 4}


def test_equal_values_with_different_texts_are_not_taken_for_a_missing_row(move: Move) -> None:
    moved(
        move,
        "CREATE SCHEMA s; CREATE TABLE s.p (a numeric PRIMARY KEY);"
        "CREATE TABLE s.t (a numeric REFERENCES s.p)",
        "INSERT INTO s.p VALUES (1.0); INSERT INTO s.t VALUES (1.00)",
    )
    assert found(move).findings == ()
    assert move.replay().rows == {RelationName("s", "p"): 1, T: 1}


# -- triggers -----------------------------------------------------------------------------------

FIRES = """
CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER on_insert BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();
CREATE TRIGGER on_update BEFORE UPDATE ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();
CREATE TRIGGER always BEFORE INSERT OR UPDATE ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();
ALTER TABLE s.t ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER off BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();
ALTER TABLE s.t DISABLE TRIGGER off;
CREATE RULE also AS ON INSERT TO s.t DO ALSO NOTHING;
"""


@pytest.mark.parametrize(
    ("strategy", "on_conflict", "layout", "fire"),
    [
        (None, None, Layout.FILE, {"rule also", "trigger always", "trigger on_insert"}),
        (None, None, Layout.DIRECTORY, {"trigger always", "trigger on_insert"}),
        ("superuser", None, Layout.DIRECTORY, {"trigger always"}),
        (
            None,
            OnConflict.UPDATE,
            Layout.DIRECTORY,
            {"trigger always", "trigger on_insert", "trigger on_update"},
        ),
    ],
)
def test_triggers_that_will_fire_are_named(
    move: Move,
    strategy: str | None,
    on_conflict: OnConflict | None,
    layout: Layout,
    fire: set[str],
) -> None:
    moved(move, form=ExportSettings(layout=layout))
    move.target.execute(FIRES)
    if on_conflict is not None:
        # With a rule, PostgreSQL has no ON CONFLICT.
        move.target.execute("DROP RULE also ON s.t")
    *findings, unforeseen = found(move, strategy=strategy, on_conflict=on_conflict).findings
    assert "what may still refuse or change a row: triggers and rules of s.t" in unforeseen.what
    assert {(f.subject, f.severity) for f in findings} == {(Subject.TRIGGER, Severity.NOTE)}
    assert {
        one.removeprefix("the ").split(" of ")[0] for f in findings for one in (f.each or (f.what,))
    } == fire


# -- privileges ---------------------------------------------------------------------------------


def test_a_role_that_may_only_insert_can_replay_and_is_told_what_nobody_saw(
    move: Move, role: Role
) -> None:
    moved(move)
    loader = role("INSERT")
    unseen = only(found(move, loader))
    assert (unseen.subject, unseen.severity) == (Subject.UNSEEN, Severity.NOTE)
    assert unseen.remedy == "GRANT SELECT ON s.t TO met_by_preflight;"
    done = move.replay(loader)
    assert done.rows == {T: 3}
    assert str(done.notes[0]).startswith("not compared with the exported rows, since the role")
    assert move.differing() == []


def test_a_sequence_that_a_default_draws_from_needs_usage(move: Move, role: Role) -> None:
    moved(move)
    move.target.execute(
        "CREATE SCHEMA numbers; CREATE SEQUENCE numbers.q;"
        "ALTER TABLE s.t ADD n bigint DEFAULT nextval('numbers.q')"
    )
    loader = role("INSERT, SELECT")
    finding = only(found(move, loader))
    assert (finding.subject, finding.severity) == (Subject.SEQUENCE, Severity.REFUSES)
    assert finding.remedy == (
        "GRANT USAGE ON SCHEMA numbers TO met_by_preflight; "
        "GRANT USAGE ON SEQUENCE numbers.q TO met_by_preflight;"
    )
    move.target.execute(finding.remedy)
    assert move.replay(loader).rows == {T: 3}


def test_a_sequence_that_cannot_be_moved_is_noted_with_the_grant(move: Move, role: Role) -> None:
    moved(
        move,
        "CREATE SCHEMA s; CREATE TABLE s.t (id serial PRIMARY KEY, v text)",
        "INSERT INTO s.t (v) VALUES ('a'), ('b')",
    )
    loader = role("INSERT, SELECT")
    finding = only(found(move, loader))
    assert (finding.subject, finding.severity) == (Subject.SEQUENCE, Severity.NOTE)
    assert finding.remedy == "GRANT UPDATE ON SEQUENCE s.t_id_seq TO met_by_preflight;"
    move.target.execute(finding.remedy)
    assert found(move, loader).findings == ()


def test_policies_that_let_no_row_in_are_in_the_way(move: Move, role: Role) -> None:
    moved(move)
    loader = role("INSERT")
    move.target.execute(
        "ALTER TABLE s.t ENABLE ROW LEVEL SECURITY; CREATE POLICY r ON s.t FOR SELECT USING (true)"
    )
    (refused,) = found(move, loader).of(Severity.REFUSES)
    assert (
        refused.what == "row-level security lets the role 'met_by_preflight' insert no row into s.t"
    )
    move.target.execute(f"CREATE POLICY w ON s.t FOR INSERT TO {loader} WITH CHECK (id < 10);")
    assert found(move, loader).of(Severity.REFUSES) == ()
    assert move.replay(loader).rows == {T: 3}


@pytest.mark.parametrize("rows", [3, 1500])
def test_columns_are_enough_to_be_granted(move: Move, server: Server, rows: int) -> None:
    more = f"INSERT INTO s.t SELECT i, 'x' FROM generate_series(100, {96 + rows}) AS i"
    moved(move, rows=f"{ROWS}; {more}")
    move.target.execute("ALTER TABLE s.t ADD other int")
    loader = server.create_role("met_by_preflight")
    move.target.execute(
        f"GRANT USAGE ON SCHEMA s TO {loader};"
        f"GRANT INSERT (id, v), SELECT (id, v) ON s.t TO {loader}"
    )
    seen = "not compared with the exported rows, since the role may not SELECT: s.t"
    assert only(found(move, loader)).what == seen
    done = move.replay(loader)
    assert done.rows == {T: rows}
    assert done.compared == frozenset()
    assert any("not compared" in str(note) for note in done.notes)


def test_the_right_to_read_who_wrote_a_row_may_be_granted_too(move: Move, server: Server) -> None:
    moved(move)
    loader = server.create_role("met_by_preflight")
    move.target.execute(
        f"GRANT USAGE ON SCHEMA s TO {loader};"
        f"GRANT INSERT, SELECT (id, v, xmin, tableoid) ON s.t TO {loader}"
    )
    assert found(move, loader).findings == ()
    assert move.replay(loader).compared == {T}


def test_a_table_without_columns_needs_its_own_privilege(move: Move, role: Role) -> None:
    moved(move, "CREATE SCHEMA s; CREATE TABLE s.t ()", "INSERT INTO s.t DEFAULT VALUES")
    loader = role("SELECT")
    assert only(found(move, loader)).remedy == "GRANT INSERT ON s.t TO met_by_preflight;"
    assert move.replay(role("INSERT")).rows == {T: 1}


# -- the command --------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_done_and_does_nothing(move: Move, replant: Replant) -> None:
    moved(move)
    outcome = replant("replay", move.artifact, "--target", move.to.dsn, "--dry-run")
    assert outcome.code == 0
    assert outcome.out == "would insert 3 rows of 1 table by the strategy ordered\n"
    assert move.found("SELECT count(*) FROM s.t") == [0]


def test_a_dry_run_of_what_cannot_be_done_ends_with_4(move: Move, replant: Replant) -> None:
    moved(move, UNIQUE, UNIQUE_ROWS)
    move.target.execute("INSERT INTO s.t VALUES (2, 'q', '')")
    move.target.execute(FIRES)
    outcome = replant("replay", move.artifact, "--target", move.to.dsn, "--dry-run")
    assert outcome.code == 4
    assert outcome.out.splitlines()[0] == "would insert 3 rows of 1 table by the strategy ordered"
    assert "; the trigger on_insert of s.t, on INSERT" in outcome.out
    assert outcome.err.startswith("replant: s.t already holds 1 of these rows")
    assert replant("replay", move.artifact, "--target", move.to.dsn, "--dry-run", "-q").out == ""


def test_a_dry_run_says_how_each_cycle_would_be_loaded(move: Move, replant: Replant) -> None:
    moved(
        move,
        "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY REFERENCES s.t)",
        "INSERT INTO s.t VALUES (1)",
    )
    outcome = replant("replay", move.artifact, "--target", move.to.dsn, "--dry-run")
    assert outcome.out.splitlines()[1] == "  s.t: references itself by id: one statement, 1 row"


# -- verification -------------------------------------------------------------------------------

TWO = """
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, v text);
CREATE TABLE s.u (id int PRIMARY KEY, t int REFERENCES s.t)
"""
TWO_ROWS = "INSERT INTO s.t VALUES (1, 'a'), (2, 'b'); INSERT INTO s.u VALUES (1, 1), (2, 2)"


def test_a_verification_says_what_it_could_not_see(
    move: Move, role: Role, replant: Replant
) -> None:
    moved(move, TWO, TWO_ROWS)
    move.replay()
    reader = role("SELECT")
    arguments = ("verify", move.artifact, "--target", move.to.as_role(reader))
    outcome = replant(*arguments)
    assert outcome.code == 4
    assert outcome.out == (
        "s.u: 2 rows not compared, the role may not see them; "
        "GRANT SELECT ON s.u TO met_by_preflight;\n"
        "verified: 2 rows of 1 table are equal; 1 could not be seen\n"
    )
    move.target.execute("UPDATE s.t SET v = 'c' WHERE id = 2")
    outcome = replant(*arguments)
    assert outcome.code == 1
    assert "  id = 2: v is c, exported was b" in outcome.out
    assert outcome.out.endswith("1 of 2 tables differs; 1 could not be seen\n")


def test_rows_that_are_chosen_by_those_of_an_unseen_table_are_compared_by_key(
    move: Move, server: Server
) -> None:
    through = move.of_tenant("1", column="id")
    moved(through, TWO, TWO_ROWS)
    move.replay()
    reader = server.create_role("met_by_preflight")
    grant(move.to, reader, "SELECT", [U])
    settings = evolve(move.settings(), target=move.to.as_role(reader))
    of_t, of_u = api.verify(str(move.artifact), settings)
    assert (of_t.equal, of_t.unseen) == (False, "GRANT SELECT ON s.t TO met_by_preflight;")
    assert (of_u.equal, of_u.found) == (True, 1)


def test_a_dry_run_names_what_it_does_not_ask_and_a_rehearsal_does(
    move: Move, replant: Replant
) -> None:
    moved(move)
    move.target.execute("ALTER TABLE s.t ADD CHECK (id < 3)")
    outcome = replant("replay", move.artifact, "--target", move.to.dsn, "--dry-run")
    assert outcome.code == 0
    assert (
        "does not ask what may still refuse or change a row: CHECK constraints of s.t"
        in outcome.out
    )
    assert "--rehearse" in outcome.out
    outcome = replant("replay", move.artifact, "--target", move.to.dsn, "--rehearse")
    assert outcome.code == 4
    assert move.found("SELECT count(*) FROM s.t") == [0]
