"""A condition that answers otherwise each time it is asked still gives a whole artifact."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replant.artifact.artifact import open_artifact
from replant.errors import CatalogMismatchError
from replant.model import (
    ByPredicate,
    Dangling,
    InClosure,
    Registration,
    RelationName,
    TableSettings,
    ThroughForeignKey,
)
from tests.support.moves import FORMATS, Move
from tests.support.property_tests import example_count

PARENT, CHILD = RelationName("s", "t"), RelationName("s", "u")

SCHEMA = """
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, at timestamptz NOT NULL DEFAULT '2020-01-01');
CREATE TABLE s.u (id int PRIMARY KEY, t int NOT NULL REFERENCES s.t, up int REFERENCES s.u);
CREATE FUNCTION s.coin(int) RETURNS bool LANGUAGE sql STABLE AS 'SELECT random() < 0.5';
"""
ROWS = """
INSERT INTO s.t SELECT n FROM generate_series(1, 60) AS n;
INSERT INTO s.u SELECT n, 1 + n % 60, nullif(n / 2, 0) FROM generate_series(1, 240) AS n;
"""

UNSTEADY = (
    "random() < 0.3",
    "id > 3 AND random() < 0.5 -- half of them",
    "s.coin(id)",
    "id IN (SELECT id FROM s.t TABLESAMPLE BERNOULLI (40))",
    "id = ANY (ARRAY(SELECT id FROM s.t ORDER BY random() LIMIT 7))",
    "extract(microseconds FROM statement_timestamp())::int % 7 <> id % 7",
)
STEADY = ("id % 2 = 0", "true", "id < 20 OR id > 40")
CONDITIONS = st.sampled_from(UNSTEADY + STEADY)


@st.composite
def exports(draw: st.DrawFn) -> tuple[tuple[Registration, ...], tuple[TableSettings, ...]]:
    """Registrations of both tables, by conditions of every kind."""
    first, second = draw(CONDITIONS), draw(CONDITIONS)
    where = TableSettings(CHILD, where=draw(CONDITIONS))
    return draw(
        st.sampled_from(
            [
                ((Registration("s.t", InClosure(first)), Registration("s.u", InClosure())), ()),
                (
                    (Registration("s.t", InClosure(first)), Registration("s.u", InClosure(second))),
                    (where,),
                ),
                ((Registration("s.t", ByPredicate(first)), Registration("s.u", InClosure())), ()),
                (
                    (
                        Registration("s.t", ByPredicate(first)),
                        Registration("s.u", ThroughForeignKey(("t",))),
                    ),
                    (where,),
                ),
            ]
        )
    )


@pytest.fixture
def filled_move(move: Move) -> Move:
    move.on_both(SCHEMA)
    move.source.execute(ROWS)
    return move


@settings(
    max_examples=example_count(12), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=exports(), form=st.sampled_from(sorted(FORMATS)))
def test_whatever_the_condition_the_artifact_verifies_and_reads_back(
    filled_move: Move,
    drawn: tuple[tuple[Registration, ...], tuple[TableSettings, ...]],
    form: str,
) -> None:
    registrations, tables = drawn
    artifact_of_form = filled_move.artifact.with_name(form)
    move = evolve(
        filled_move, registrations=registrations, tables=tables, artifact=artifact_of_form
    )
    move.target.execute("TRUNCATE s.t, s.u")
    done = move.export(evolve(FORMATS[form], dangling=Dangling.LEAVE_OUT))
    move.replay()
    assert move.differing() == []
    for name in (PARENT, CHILD):
        assert move.found(f"SELECT count(*) FROM {name}") == [done.rows[name]]
    with open_artifact(str(move.artifact)) as artifact:
        roots = artifact.manifest.roots
    for root in roots:
        assert root.row_count <= done.rows[root.table]
        keys = {int(key) for (key,) in root.keys or ()}
        assert keys <= set(move.found(f"SELECT id FROM {root.table}"))


@pytest.mark.parametrize("condition", UNSTEADY)
def test_an_unsteady_condition_is_known(filled_move: Move, condition: str) -> None:
    assert located(filled_move, condition)


@pytest.mark.parametrize(
    "condition",
    [*STEADY, "at > '2019-01-01'", "id IN (1, 2)", "t IS NOT NULL", "lower(at::date::text) = ''"],
)
def test_an_ordinary_condition_is_asked_each_time(filled_move: Move, condition: str) -> None:
    assert located(filled_move, condition) == ("::date" in condition)


def located(move: Move, condition: str) -> bool:
    """Whether the plan has the rows of a condition by their places."""
    chosen = evolve(move, registrations=(Registration("s.t", ByPredicate(condition)),)).plan()
    (rows,) = (table.rows for table in chosen.tables)
    return rows.by_location


FAR = """
CREATE SCHEMA s;
CREATE TABLE s.event (n int, kind text) PARTITION BY LIST (kind);
CREATE TABLE s.event_near PARTITION OF s.event FOR VALUES IN ('near');
INSERT INTO s.event VALUES (1, 'near'), (2, 'near');
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE s.event_far PARTITION OF s.event FOR VALUES IN ('far')
  SERVER files OPTIONS (program 'echo 1,far && echo 2,far && echo 3,far', format 'csv');
"""


def test_rows_of_a_foreign_table_are_not_known_by_their_place(move: Move) -> None:
    """All rows of a file have one and the same."""
    move.source.execute(FAR.encode(), prepare=False)

    def exporting(condition: str) -> Move:
        return evolve(move, registrations=(Registration("s.event", ByPredicate(condition)),))

    with pytest.raises(CatalogMismatchError, match=r"rows of s\.event_far, a foreign table"):
        exporting("n < 2 AND now() > '2000-01-01'").export()
    assert exporting("n < 2").export().plan.row_count == 2
