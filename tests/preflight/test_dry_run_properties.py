"""Whatever a target has of its own: a dry run refuses what a replay would, or says what may."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from attrs import evolve, frozen
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from replant import api
from replant.errors import ReplantError
from replant.model import ExportSettings, Layout, OnConflict, Severity, Subject
from replant.testing.servers.server import Server
from tests.support.moves import Move
from tests.support.property_tests import example_count
from tests.support.two_databases import connected

TABLES = """
CREATE SCHEMA s;
CREATE TYPE s.mood AS ENUM ('good', 'bad');
CREATE DOMAIN s.small AS int;
CREATE TABLE s.p (id int PRIMARY KEY, v text);
CREATE TABLE s.t (id int PRIMARY KEY, p int REFERENCES s.p, a int, b text, n numeric, d date,
    m s.mood, r int4range, c s.small);
CREATE TABLE s.u (id int PRIMARY KEY, t int NOT NULL REFERENCES s.t);
"""
#: Values that some rule of a target takes, and that another refuses.
VALUES = {
    "p": ["1", "2"],
    "a": ["0", "7", "40000"],
    "b": ["'abc'", "'ABC'", "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 300) i)"],
    "n": ["1.25", "'NaN'", "12345.678"],
    "d": ["'2024-05-01'", "'infinity'"],
    "m": ["'good'", "'bad'"],
    "r": ["'[1,5)'", "'[4,9)'", "'empty'"],
    "c": ["0", "10"],
}


@frozen
class Rule:
    """Something that only the target has.

    Attributes:
        sql: what makes it.
        said: the words by which a dry run names it; empty where it finds what is refused.

    """

    sql: str
    said: str = ""


UNIQUE = "unique and exclusion constraints that the source may not have: "
EXPRESSION = "indexes on expressions and conditions: "
COMPUTED = "computed columns and defaults: "
PARTITION = "bounds and constraints of partitions: "
TRIGGER = "triggers and rules of s.t"
CHECK = "CHECK constraints of s.t"
PARTITIONED = """
ALTER TABLE s.u DROP CONSTRAINT u_t_fkey;
ALTER TABLE s.t RENAME TO whole;
CREATE TABLE s.t (LIKE s.whole) PARTITION BY RANGE (id);
DROP TABLE s.whole;
ALTER TABLE s.t ADD PRIMARY KEY (id);
CREATE TABLE s.part PARTITION OF s.t FOR VALUES FROM (0) TO ({});
"""
FIRING = """
CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$;
CREATE TRIGGER g {} ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();
"""
CALLED = """
CREATE FUNCTION s.called(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
REVOKE EXECUTE ON FUNCTION s.called FROM PUBLIC;
"""

RULES = {
    "nothing": Rule(""),
    "not null": Rule("ALTER TABLE s.t ALTER a SET NOT NULL"),
    "other key": Rule(
        "ALTER TABLE s.u DROP CONSTRAINT u_t_fkey;"
        "ALTER TABLE s.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id, c)"
    ),
    "foreign key": Rule("ALTER TABLE s.t ADD FOREIGN KEY (a) REFERENCES s.p"),
    "no table": Rule("DROP TABLE s.u"),
    "column missing": Rule("ALTER TABLE s.t DROP n"),
    "column not null": Rule("ALTER TABLE s.t ADD z int NOT NULL"),
    "column computed": Rule("ALTER TABLE s.t DROP d, ADD d date GENERATED ALWAYS AS (NULL) STORED"),
    "smallint": Rule("ALTER TABLE s.t ALTER a TYPE smallint"),
    "varchar": Rule("ALTER TABLE s.t ALTER b TYPE varchar(2)"),
    "numeric": Rule("ALTER TABLE s.t ALTER n TYPE numeric(7, 1)"),
    "timestamp": Rule("ALTER TABLE s.t ALTER d TYPE timestamp"),
    "domain": Rule("ALTER DOMAIN s.small ADD CHECK (VALUE < 5)"),
    "domain not null": Rule("ALTER DOMAIN s.small SET NOT NULL"),
    "label": Rule(
        "ALTER TABLE s.t ALTER m TYPE text; DROP TYPE s.mood;"
        "CREATE TYPE s.mood AS ENUM ('good'); ALTER TABLE s.t ALTER m TYPE s.mood USING NULL"
    ),
    "held equal": Rule("INSERT INTO s.p VALUES (1, 'x')"),
    "held other": Rule("INSERT INTO s.p VALUES (1, 'y')"),
    "held child": Rule("INSERT INTO s.t (id) VALUES (1)"),
    "held under another key": Rule(
        "ALTER TABLE s.t ADD CONSTRAINT other UNIQUE (d); INSERT INTO s.t (id, d) VALUES (9,"
        " '2024-05-01'), (1, 'infinity')",
        f"{UNIQUE}other of s.t",
    ),
    "privilege": Rule("REVOKE INSERT ON s.t FROM {role}"),
    "sequence": Rule("ALTER TABLE s.t ADD z serial"),
    "policies": Rule("ALTER TABLE s.t ENABLE ROW LEVEL SECURITY"),
    "called by index": Rule(CALLED + "CREATE INDEX ON s.t (s.called(a))", EXPRESSION),
    "called by check": Rule(CALLED + "ALTER TABLE s.t ADD CHECK (s.called(a) > 0)", CHECK),
    "called by default": Rule(
        CALLED + "ALTER TABLE s.t ADD z int; ALTER TABLE s.t ALTER z SET DEFAULT s.called(1)",
        COMPUTED,
    ),
    "read only": Rule("ALTER ROLE {role} SET default_transaction_read_only = on"),
    "check": Rule("ALTER TABLE s.t ADD CHECK (a < 3)", CHECK),
    "policy": Rule(
        "ALTER TABLE s.t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON s.t WITH CHECK (a = 7)",
        "row-level security of s.t",
    ),
    "unique": Rule("CREATE UNIQUE INDEX one ON s.t (b)", f"{UNIQUE}one of s.t"),
    "unique nulls": Rule(
        "ALTER TABLE s.t ADD CONSTRAINT one UNIQUE NULLS NOT DISTINCT (m)", f"{UNIQUE}one of s.t"
    ),
    "unique partial": Rule("CREATE UNIQUE INDEX one ON s.t (a) WHERE a = 7", f"{UNIQUE}one of s.t"),
    "unique expression": Rule("CREATE UNIQUE INDEX one ON s.t (lower(b))", f"{UNIQUE}one of s.t"),
    "unique late": Rule(
        "ALTER TABLE s.t ADD CONSTRAINT one UNIQUE (d) DEFERRABLE INITIALLY DEFERRED",
        f"{UNIQUE}one of s.t",
    ),
    "exclusion": Rule(
        "ALTER TABLE s.t ADD CONSTRAINT one EXCLUDE USING gist (r WITH &&)", f"{UNIQUE}one of s.t"
    ),
    "index": Rule("CREATE INDEX two ON s.t ((1 / a))", f"{EXPRESSION}two of s.t"),
    "long": Rule("CREATE INDEX three ON s.t (b, id)"),
    "computed": Rule(
        "ALTER TABLE s.t ADD z smallint GENERATED ALWAYS AS (1000 / a) STORED NOT NULL",
        f"{COMPUTED}z of s.t",
    ),
    "default": Rule("ALTER TABLE s.t ADD z int DEFAULT 77 REFERENCES s.p", f"{COMPUTED}z of s.t"),
    "bounds": Rule(PARTITIONED.format(3), f"{PARTITION}t of s.t"),
    "of partition": Rule(
        PARTITIONED.format(99) + "ALTER TABLE s.part ALTER a SET NOT NULL, ADD CHECK (a < 3)",
        "part of s.t",
    ),
    "raises": Rule(FIRING.format("RAISE 'no'; RETURN NEW;", "BEFORE INSERT"), TRIGGER),
    "drops": Rule(FIRING.format("RETURN NULL;", "BEFORE INSERT"), TRIGGER),
    "changes": Rule(FIRING.format("NEW.id := NEW.id + 9; RETURN NEW;", "BEFORE INSERT"), TRIGGER),
    "writes": Rule(
        FIRING.format("INSERT INTO s.u VALUES (1, NEW.id); RETURN NEW;", "AFTER INSERT"), TRIGGER
    ),
    "rule": Rule("CREATE RULE g AS ON UPDATE TO s.t DO ALSO DELETE FROM s.u"),
}
#: They make the table anew, or change the same, so they do not go with each other.
ALONE = {"bounds", "of partition", "other key", "no table", "label"}


#: Of which two would make something of one name.
EXCLUSIVE = [
    {name for name, rule in RULES.items() if word in rule.sql}
    for word in (" z ", "s.called", " one ", "s.f()", "ROW LEVEL")
]


@frozen
class Target:
    """Rows of a source, rules of a target, and how the rows are to come there."""

    rows: tuple[str, ...]
    rules: tuple[str, ...]
    form: ExportSettings
    way: OnConflict
    as_role: bool


@st.composite
def targets(draw: DrawFn) -> Target:
    values = [st.sampled_from(["NULL", *listed]) for listed in VALUES.values()]
    rows = draw(st.lists(st.tuples(*values), min_size=1, max_size=3))
    first = draw(st.sampled_from(sorted(RULES)))
    others = draw(st.lists(st.sampled_from(sorted(RULES.keys() - ALONE)), max_size=1))
    rules = {first} if first in ALONE else {first, *others}
    if len(rules) == 2 and any(len(rules & group) == 2 for group in EXCLUSIVE):
        rules = {first}
    return Target(
        tuple(f"({number}, {', '.join(row)})" for number, row in enumerate(rows, 1)),
        tuple(sorted(rules)),
        draw(st.sampled_from([ExportSettings(), ExportSettings(layout=Layout.DIRECTORY)])),
        draw(st.sampled_from(OnConflict)),
        draw(st.booleans()),
    )


@pytest.fixture(scope="module")
def databases(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    source, target = server.create_database(), server.create_database()
    artifact = tmp_path_factory.mktemp("dry") / "artifact"
    with connected(source) as at_source, connected(target) as at_target:
        yield Move(source, target, at_source, at_target, artifact)
    for database in (source, target):
        server.drop_database(database)


@pytest.fixture(scope="module")
def role(server: Server, databases: Move) -> Iterator[str]:
    name = server.create_role()
    yield name
    server.drop_role(name, [databases.to])


def prepared(move: Move, drawn: Target, role: str) -> Move:
    """Make both databases, and the artifact in a file of its own."""
    move.empty()
    move.on_both(TABLES)
    rows = ", ".join(drawn.rows)
    move.source.execute(
        f"INSERT INTO s.p VALUES (1, 'x'), (2, NULL); INSERT INTO s.t VALUES {rows};"
        "INSERT INTO s.u SELECT 1, max(id) FROM s.t".encode(),
        prepare=False,
    )
    move.target.execute(
        f"GRANT USAGE ON SCHEMA s TO {role}; ALTER ROLE {role} RESET ALL;"
        f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA s TO {role}".encode(),
        prepare=False,
    )
    try:
        for rule in drawn.rules:
            move.target.execute(RULES[rule].sql.replace("{role}", role).encode(), prepare=False)
    except psycopg.IntegrityError:
        reject()  # the rows that it holds break the other rule
    move.target.execute(f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA s TO {role}".encode())
    if "privilege" in drawn.rules:
        move.target.execute(f"REVOKE INSERT ON s.t FROM {role}".encode())
    move = evolve(move, artifact=move.artifact.with_name(drawn.form.layout.value))
    move.export(drawn.form)
    return move


@settings(max_examples=example_count(30))
@given(drawn=targets())
def test_a_green_dry_run_is_followed_by_a_replay_or_names_what_it_does_not_ask(
    databases: Move, role: str, drawn: Target
) -> None:
    move = prepared(databases, drawn, role)
    asked = evolve(move.settings(), export=evolve(move.settings().export, on_conflict=drawn.way))
    if drawn.as_role:
        asked = evolve(asked, target=move.to.as_role(role))

    found = api.preflight(str(move.artifact), asked, host=move.host)
    refused = [f for f in found.findings if f.severity is not Severity.NOTE]
    unseen = "; ".join(str(f) for f in found.findings if f.subject is Subject.UNSEEN)

    ends = []
    for rehearse in (True, False):
        try:
            api.replay(str(move.artifact), asked, host=move.host, rehearse=rehearse)
        except ReplantError as error:
            ends.append(str(error))
        else:
            ends.append("")
    assert ends[0] == ends[1]
    if refused:
        assert ends[1]
        return
    if ends[1]:
        assert "--rehearse" in unseen, (found.findings, ends[1])
    silent = [rule for rule in drawn.rules if RULES[rule].said not in unseen]
    if not drawn.as_role and "policy" in silent:
        silent.remove("policy")
    assert silent == [], unseen
