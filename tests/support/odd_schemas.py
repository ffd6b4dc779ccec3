"""Schemas with odd keys, indexes, partitions, defaults and triggers, drawn, filled and moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import evolve, frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from replant.errors import PreflightError, UsageError
from replant.model import OnConflict, Registration, RelationName
from replant.testing.servers.server import Server
from tests.support.moves import WAYS, Move, Way
from tests.support.two_databases import connected

HUB = "CREATE TABLE s.hub (id int PRIMARY KEY, at timestamptz NOT NULL);"


@frozen
class Oddity:
    """Tables with something odd.

    A range stands for a number, as its type alone can be part of a key of periods without an
    extension.

    Attributes:
        deploy: what creates them.
        fill: what fills them, for `$n` rows of the hub.
        since: the first release that knows such tables.
        icu: whether a server needs ICU for them.

    """

    deploy: str
    fill: str
    since: int = 14
    icu: bool = False


ODDITIES = {
    "periods": Oddity(
        """
        CREATE TABLE s.lease (id int4range, during daterange, hub int REFERENCES s.hub, PRIMARY
            KEY (id, during WITHOUT OVERLAPS));
        CREATE TABLE s.a_stay (id int PRIMARY KEY, lease int4range, during daterange, FOREIGN KEY
            (lease, PERIOD during) REFERENCES s.lease (id, PERIOD during));
        """,
        """
        INSERT INTO s.lease SELECT int4range(i, i, '[]'), daterange(d, d + 10), i FROM
            generate_series(1, $n) i, generate_series(0, 20, 10) j, LATERAL (SELECT
            '2024-01-01'::date + j) _ (d);
        INSERT INTO s.a_stay SELECT i, int4range(i, i, '[]'), '[2024-01-05,2024-01-25)' FROM
            generate_series(1, $n) i;
        """,
        since=18,
    ),
    "partitions": Oddity(
        """
        CREATE TABLE s.a_event (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE s.early PARTITION OF s.a_event FOR VALUES FROM ('2024-01-01') TO
            ('2025-01-01');
        CREATE TABLE s.late PARTITION OF s.a_event DEFAULT;
        ALTER TABLE s.early ADD UNIQUE (id);
        ALTER TABLE s.late ADD FOREIGN KEY (id) REFERENCES s.hub;
        CREATE TABLE s.a_alarm (id int PRIMARY KEY REFERENCES s.early (id));
        """,
        """
        INSERT INTO s.a_event SELECT i, '2024-02-03' FROM generate_series(-5, $n) i;
        INSERT INTO s.a_event SELECT i, '2025-02-03' FROM generate_series(1, $n) i;
        INSERT INTO s.a_alarm SELECT i FROM generate_series(-5, $n) i;
        """,
    ),
    "exclusion": Oddity(
        """
        CREATE TABLE s.slot (r int4range, hub int REFERENCES s.hub, EXCLUDE USING gist (r WITH
            &&));
        """,
        """
        INSERT INTO s.slot SELECT int4range(i, i + 1), i FROM generate_series(1, $n) i;
        """,
    ),
    "deferrable": Oddity(
        """
        CREATE TABLE s.rank (id int PRIMARY KEY DEFERRABLE, place int UNIQUE DEFERRABLE INITIALLY
            DEFERRED);
        """,
        """
        INSERT INTO s.rank SELECT i, -i FROM generate_series(1, $n) i;
        """,
    ),
    "sequence": Oddity(
        """
        CREATE SEQUENCE s.numbers;
        CREATE TABLE s.ticket (id int PRIMARY KEY DEFAULT nextval('s.numbers'), total int
            GENERATED ALWAYS AS (id * 2) STORED, always int GENERATED ALWAYS AS IDENTITY);
        """,
        """
        INSERT INTO s.ticket SELECT FROM generate_series(1, $n);
        """,
    ),
    "nulls": Oddity(
        """
        CREATE TABLE s.pick (a int, b int, UNIQUE NULLS NOT DISTINCT (a, b));
        """,
        """
        INSERT INTO s.pick SELECT nullif(i, 1), nullif(i, 2) FROM generate_series(1, $n) i;
        """,
        since=15,
    ),
    "keyless": Oddity(
        """
        CREATE TABLE s.bag (v int, t text);
        """,
        """
        INSERT INTO s.bag SELECT i % 2, NULL FROM generate_series(1, $n) i;
        """,
    ),
    "logged": Oddity(
        """
        CREATE TABLE s.seen (id int PRIMARY KEY, at timestamptz, CHECK (extract(year FROM at) >
            1));
        CREATE TABLE s.log (id int, day date);
        CREATE FUNCTION s.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO s.log
            VALUES (NEW.id, NEW.at::date); RETURN NEW; END $$;
        CREATE TRIGGER note AFTER INSERT ON s.seen FOR EACH ROW EXECUTE FUNCTION s.note();
        """,
        """
        INSERT INTO s.seen SELECT i, '2024-03-01 00:30+00' FROM generate_series(1, $n) i;
        """,
    ),
    # The outer function finds the inner one by the search path of the database alone.
    "wrappers": Oddity(
        """
        CREATE OR REPLACE FUNCTION public.inner_f(text) RETURNS text LANGUAGE sql IMMUTABLE RETURN
            lower($1);
        CREATE OR REPLACE FUNCTION public.outer_f(text) RETURNS text LANGUAGE sql IMMUTABLE AS
            'SELECT public.inner_f($1)';
        CREATE TABLE s.word (id int PRIMARY KEY, hub int REFERENCES s.hub, v text CHECK
            (public.outer_f(v) <> ''), EXCLUDE (public.outer_f(v) WITH =));
        CREATE UNIQUE INDEX ON s.word (public.outer_f(v));
        CREATE UNIQUE INDEX ON s.word (hub) WHERE public.outer_f(v) <> 'word1';
        CREATE STATISTICS s.of_word ON public.outer_f(v), hub FROM s.word;
        CREATE OR REPLACE FUNCTION public.outer_f(text) RETURNS text LANGUAGE sql IMMUTABLE AS
            'SELECT inner_f($1)';
        """,
        """
        INSERT INTO s.word SELECT i, i, 'Word' || i FROM generate_series(1, $n) i;
        """,
    ),
    "collations": Oddity(
        """
        CREATE COLLATION s.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE s.person (name text COLLATE s.ci PRIMARY KEY, hub int REFERENCES s.hub);
        CREATE TABLE s.a_pet (id int PRIMARY KEY, owner text COLLATE s.ci REFERENCES s.person, note
            text COLLATE s.ci UNIQUE);
        """,
        """
        INSERT INTO s.person SELECT 'Ada' || i, i FROM generate_series(1, $n) i;
        INSERT INTO s.a_pet SELECT i, upper('Ada' || i), chr(96 + i) FROM generate_series(1, $n) i;
        """,
        icu=True,
    ),
}

#: What its trigger writes is none of the rows that are moved, and comes to be in the target too.
WRITTEN = "log"

ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles")


@frozen
class OddMove:
    """What is moved, how, and what is done with it once more."""

    oddities: tuple[str, ...]
    rows: int
    way: Way
    again: OnConflict
    zone: str


@st.composite
def odd_moves(draw: DrawFn, version: int, *, icu: bool) -> OddMove:
    """Draw a move between two databases of a release.

    Args:
        draw: of Hypothesis.
        version: the release, such as 18.
        icu: whether the server knows collations of ICU.

    """
    known = [n for n, odd in ODDITIES.items() if odd.since <= version and (icu or not odd.icu)]
    return OddMove(
        tuple(draw(st.lists(st.sampled_from(sorted(known)), min_size=1, unique=True))),
        draw(st.integers(0, 4)),
        draw(st.sampled_from(list(WAYS.values()))),
        draw(st.sampled_from([OnConflict.SAME, OnConflict.SKIP, OnConflict.UPDATE])),
        draw(st.sampled_from(ZONES)),
    )


@contextmanager
def two_for_odd_moves(server: Server, folder: Path) -> Iterator[Move]:
    """Two databases of a server, and a folder for artifacts."""
    source, target = server.create_database(), server.create_database()
    with connected(source) as at_source, connected(target) as at_target:
        yield Move(source, target, at_source, at_target, folder / "artifact")
    for database in (source, target):
        server.drop_database(database)


def prepared(move: Move, drawn: OddMove) -> Move:
    """Create and fill the tables; return the move of all of them, in files of its own."""
    move.empty()
    for database, connection in ((move.from_, move.source), (move.to, move.target)):
        connection.execute(
            f"ALTER DATABASE {database.name} SET TimeZone TO '{drawn.zone}'".encode()
        )
        connection.execute(f"SET TimeZone TO '{drawn.zone}'".encode())
    move.on_both("CREATE SCHEMA s;" + HUB + "".join(ODDITIES[o].deploy for o in drawn.oddities))
    filling = "INSERT INTO s.hub SELECT i, '2024-01-01' FROM generate_series(1, $n) i;"
    filling += "".join(ODDITIES[oddity].fill for oddity in drawn.oddities)
    move.source.execute(filling.replace("$n", str(drawn.rows)).encode(), prepare=False)
    tables = move.found(
        "SELECT relname FROM pg_class WHERE relnamespace = 's'::regnamespace"
        " AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1"
    )
    names = [RelationName("s", name) for name in tables if name != WRITTEN]
    return evolve(
        move,
        registrations=tuple(map(Registration, names)),
        artifact=move.artifact / drawn.way.form.layout.value,
    )


def unlike(move: Move) -> list[str]:
    """The tables that do not hold the same rows, however often, in both databases."""
    return [
        str(item.table)
        for item in move.registrations
        if not move.same(f'SELECT t::text FROM s."{item.table.name}" AS t ORDER BY 1')
    ]


def check_rows_arrive_once(databases: Move, drawn: OddMove) -> None:
    """Move the rows, move them once more, and look at what the target holds."""
    move = prepared(databases, drawn)
    move.artifact.parent.mkdir(exist_ok=True)
    outcome = move.move(drawn.way)
    assert outcome.kept, outcome.said
    assert unlike(move) == []
    if "sequence" in drawn.oddities:
        assert move.found("SELECT nextval('s.numbers')") == [drawn.rows + 1]
    with suppress(PreflightError, UsageError):  # what cannot be done is said before anything is
        move.replay(on_conflict=drawn.again)
    assert unlike(move) == []
    assert move.differing() == []
    if "logged" in drawn.oddities:
        assert move.same("SELECT id, day FROM s.log ORDER BY 1")
