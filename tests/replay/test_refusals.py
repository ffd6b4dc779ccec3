"""What is said when a target refuses: what the server knows, and what helps."""

from __future__ import annotations

import pytest
from attrs import evolve

from replant import api
from replant.errors import DatabaseError, PreflightError, ReplayError
from replant.model import ExportSettings, LoadTogether, OnConflict, RelationName, TableSettings
from tests.support.moves import FILES, Move
from tests.support.two_databases import connected

TABLES = """
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, v text);
CREATE TABLE s.log (id int PRIMARY KEY);
CREATE FUNCTION s.fires() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$;
"""
FIRES = "CREATE TRIGGER fires BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.fires()"


@pytest.fixture
def firing(move: Move, request: pytest.FixtureRequest) -> Move:
    """A target whose trigger does what the test says."""
    move.on_both(TABLES.format(request.param))
    move.source.execute(b"INSERT INTO s.t VALUES (1, 'x'); INSERT INTO s.log VALUES (1)")
    move.target.execute(FIRES.encode())
    move.export()
    return move


def refusal(move: Move) -> str:
    with pytest.raises(ReplayError) as refused:
        move.replay()
    return str(refused.value)


@pytest.mark.parametrize(
    "firing", ["RAISE 'no rows today' USING HINT = 'Come back tomorrow.';"], indirect=True
)
def test_what_a_trigger_raises_is_told_with_its_hint_and_function(firing: Move) -> None:
    first, *others = refusal(firing).splitlines()

    assert "the target refused a row of s.t: no rows today" in first
    assert "--strategy superuser" in first
    assert "compare the target's schema" not in first
    assert "  HINT: Come back tomorrow." in others
    assert any(line.startswith("  CONTEXT: PL/pgSQL function s.fires()") for line in others)


@pytest.mark.parametrize("firing", ["NEW.v := current_setting('app.tenant');"], indirect=True)
def test_a_missing_setting_is_to_be_given_for_the_load(firing: Move) -> None:
    said = refusal(firing)

    assert 'unrecognized configuration parameter "app.tenant"' in said
    assert "[target.settings]" in said

    settings = evolve(firing.settings(), target_settings={"app.tenant": "x"})
    assert api.replay(str(firing.artifact), settings, host=firing.host).tables


@pytest.mark.parametrize("firing", ["INSERT INTO s.log VALUES (NEW.id);"], indirect=True)
def test_a_row_that_a_trigger_wrote_is_not_one_to_remove(firing: Move) -> None:
    """The target was empty."""
    said = refusal(firing)

    assert "a trigger of the target writes rows that are in the artifact too" in said
    assert "remove these rows" not in said


@pytest.mark.parametrize("firing", ["RETURN NULL;"], indirect=True)
def test_a_read_only_target_is_told_apart_from_a_row_that_does_not_fit(firing: Move) -> None:
    settings = evolve(firing.settings(), target_settings={"default_transaction_read_only": "on"})

    with pytest.raises(PreflightError, match="the target takes no writes; replay into the primary"):
        api.replay(str(firing.artifact), settings, host=firing.host)


@pytest.mark.parametrize("firing", ["RETURN NEW;"], indirect=True)
def test_a_lock_that_is_not_released_in_time_is_told(firing: Move) -> None:
    settings = evolve(firing.settings(), target_settings={"lock_timeout": "20ms"})
    with connected(firing.to) as other, other.transaction():
        other.execute(b"LOCK s.t IN SHARE MODE")

        with pytest.raises(ReplayError, match=r"of s\.t: .*another session holds the lock"):
            api.replay(str(firing.artifact), settings, host=firing.host)


@pytest.mark.parametrize("firing", ["RETURN NEW;"], indirect=True)
def test_a_dry_run_that_waits_for_a_lock_says_what_helps(firing: Move) -> None:
    firing.target.execute(b"INSERT INTO s.t VALUES (9)")
    settings = evolve(firing.settings(), target_settings={"lock_timeout": "20ms"})
    with connected(firing.to) as other, other.transaction():
        other.execute(b"LOCK s.t IN ACCESS EXCLUSIVE MODE")

        with pytest.raises(DatabaseError, match=r"wait longer: lock_timeout under \[target\.sett"):
            api.preflight(str(firing.artifact), settings, host=firing.host)


WRITES = "CREATE FUNCTION s.g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$;"
AFTER = "CREATE TRIGGER g AFTER INSERT ON s.{} FOR EACH ROW EXECUTE FUNCTION s.g();"
TWICE = "INSERT INTO s.t VALUES (2, 'x')"


@pytest.mark.parametrize(
    ("of_source", "of_target", "words"),
    [
        (
            "",
            WRITES.format("INSERT INTO s.t VALUES (NEW.id, 'y');") + AFTER.format("log"),
            ("the table was empty: trigger g of s.log, on INSERT may have written the row",),
        ),
        (
            "",
            WRITES.format("EXECUTE 'INSERT INTO s.t VALUES (1)';") + AFTER.format("log"),
            ("the table was empty: trigger g of s.log, on INSERT may have written the row",),
        ),
        (
            "",
            "CREATE RULE g AS ON INSERT TO s.log DO ALSO INSERT INTO s.t VALUES (NEW.id)",
            ("the table was empty: rule g of s.log, on INSERT may have written the row",),
        ),
        (
            TWICE,
            "ALTER TABLE s.t ADD CONSTRAINT one UNIQUE (v)",
            ("two rows of the artifact are alike in one, which the source may not have",),
        ),
        (
            TWICE,
            "CREATE UNIQUE INDEX one ON s.t (v); INSERT INTO s.t VALUES (9, 'other')",
            ("the target has such a row, or two rows of the artifact are alike in one,",),
        ),
        (
            "ALTER TABLE s.log ADD FOREIGN KEY (id) REFERENCES s.t",
            "ALTER TABLE s.log ADD FOREIGN KEY (id) REFERENCES s.t;"
            + WRITES.format("DELETE FROM s.t;")
            + AFTER.format("log"),
            ("a trigger of the target changes what rows reference", "TRIGGER: trigger g of s.log"),
        ),
        (
            "",
            "CREATE INDEX ON s.t ((1 / (id - 1)))",
            ("division by zero", "compare the target's schema"),
        ),
        (
            "",
            WRITES.format("RAISE 'no';").replace("trigger", "int").replace("s.g()", "s.g(int)")
            + "ALTER FUNCTION s.g IMMUTABLE; CREATE INDEX ON s.t (s.g(id))",
            ("which a default, a computed column, a CHECK constraint, an index or a policy calls",),
        ),
        (
            "",
            "ALTER TABLE s.t RENAME TO u; CREATE TABLE s.t (LIKE s.u) PARTITION BY RANGE (id)",
            ("no partition of relation", "create a partition that takes such rows"),
        ),
        (
            "INSERT INTO s.t SELECT 3, string_agg(md5(i::text), '') FROM generate_series(1, 300) i",
            "CREATE INDEX ON s.t (v)",
            ("if an index has no room for a value, drop it",),
        ),
    ],
)
def test_what_refuses_a_row_of_an_empty_table_is_told_apart(
    move: Move, of_source: str, of_target: str, words: tuple[str, ...]
) -> None:
    move.on_both(
        "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text);"
        "CREATE TABLE s.log (id int PRIMARY KEY)"
    )
    move.source.execute(
        f"INSERT INTO s.t VALUES (1, 'x'); INSERT INTO s.log VALUES (1); {of_source}".encode(),
        prepare=False,
    )
    move.target.execute(of_target.encode(), prepare=False)
    move.export()
    said = refusal(move)
    assert [word for word in words if word not in said] == [], said
    assert "remove these rows" not in said


@pytest.mark.parametrize("form", FILES.values(), ids=FILES)
@pytest.mark.parametrize("on_conflict", [OnConflict.ERROR, OnConflict.UPDATE])
def test_psql_prints_no_result_for_a_quiet_load(
    move: Move, form: ExportSettings, on_conflict: OnConflict
) -> None:
    move.on_both(
        """
        CREATE SCHEMA s;
        CREATE TABLE s.t (id int PRIMARY KEY, u int NOT NULL);
        CREATE TABLE s.u (id int PRIMARY KEY, v int NOT NULL);
        CREATE TABLE s.v (id int PRIMARY KEY, t int NOT NULL REFERENCES s.t);
        ALTER TABLE s.t ADD FOREIGN KEY (u) REFERENCES s.u;
        ALTER TABLE s.u ADD FOREIGN KEY (v) REFERENCES s.v
        """
    )
    move.source.execute(
        b"WITH a AS (INSERT INTO s.t VALUES (1, 1)), b AS (INSERT INTO s.u VALUES (1, 1))"
        b"INSERT INTO s.v VALUES (1, 1)"
    )
    tables = tuple(
        TableSettings(RelationName("s", name), on_conflict=on_conflict) for name in "tuv"
    )
    cyclic = evolve(move, tables=tables)

    exported = cyclic.export(form)
    done = cyclic.psql()

    assert any(isinstance(step, LoadTogether) for step in exported.plan.order.steps)
    assert done.kept, done.said
    assert done.printed == ""
    assert cyclic.differing() == []
