"""Foreign keys that are no plain equality: of periods, of partitions, of unlike collations."""

from __future__ import annotations

import pytest
from attrs import evolve

from replant import api
from replant.errors import DanglingReferenceError
from replant.model import (
    ByColumn,
    Dangling,
    ForeignKey,
    LoadTable,
    OnConflict,
    OrderRequest,
    Registration,
    RelationName,
    TableSettings,
    WhereReferenced,
)
from replant_plugins.strategies import ordered
from replant_plugins.strategies.cycles import MOST_ROWS_TOGETHER
from tests.support.moves import Move, Way, in_two_ways

ADDRESS, EMPLOYEE = RelationName("s", "address"), RelationName("s", "employee")
EVENT, KIND = RelationName("s", "event"), RelationName("s", "kind")

# A range stands for a number, as its type alone can be part of such a key without an extension.
PERIODS = """
CREATE SCHEMA s;
CREATE TABLE s.address (id int4range, valid daterange, PRIMARY KEY (id, valid WITHOUT OVERLAPS));
CREATE TABLE s.employee (id int4range, address int4range, valid daterange, boss int4range,
    PRIMARY KEY (id, valid WITHOUT OVERLAPS),
    FOREIGN KEY (address, PERIOD valid) REFERENCES s.address (id, PERIOD valid),
    FOREIGN KEY (boss, PERIOD valid) REFERENCES s.employee (id, PERIOD valid));
"""
COVERED = """
INSERT INTO s.address VALUES
    ('[1,1]', '[2020-01-01,2021-01-01)'), ('[1,1]', '[2021-01-01,2022-01-01)'),
    ('[2,2]', '[2020-01-01,2030-01-01)');
INSERT INTO s.employee VALUES
    ('[1,1]', '[1,1]', '[2020-05-01,2021-05-01)', NULL),
    ('[1,1]', '[2,2]', '[2021-05-01,2022-05-01)', NULL),
    ('[2,2]', '[2,2]', '[2020-07-01,2022-01-01)', '[1,1]');
"""


@in_two_ways
def test_a_period_that_several_rows_cover_together_is_moved(move: Move, way: Way) -> None:
    move.on_both(PERIODS)
    move.source.execute(COVERED)
    assert move.move(way).kept
    assert move.differing() == []
    again = move.replay(on_conflict=OnConflict.SAME).tables
    assert {name: loaded.unchanged for name, loaded in again.items()} == {ADDRESS: 3, EMPLOYEE: 3}


def test_what_is_covered_is_not_left_out(move: Move) -> None:
    move.on_both(PERIODS)
    move.source.execute(COVERED)
    move = evolve(
        move,
        tables=(
            TableSettings(ADDRESS, where="id = '[1,1]'"),
            TableSettings(EMPLOYEE, dangling=Dangling.LEAVE_OUT),
        ),
    )
    move.export()
    assert move.replay().rows == {ADDRESS: 2, EMPLOYEE: 1}
    assert move.found("SELECT lower(valid)::text FROM s.employee") == ["2020-05-01"]


def test_a_period_with_a_gap_dangles(move: Move) -> None:
    move.on_both(PERIODS)
    move.source.execute(COVERED)
    move = evolve(move, tables=(TableSettings(ADDRESS, where="lower(valid) < '2021-01-01'"),))
    with pytest.raises(DanglingReferenceError, match=r"s\.employee\(address, valid\)"):
        move.export()


def lacking(move: Move) -> list[str]:
    """The keys by which rows of the artifact reference what the target has not."""
    found = api.preflight(str(move.artifact), move.settings()).findings
    return [finding.place for finding in found if "the target lacks" in finding.what]


def test_what_covers_a_period_is_looked_for_in_the_target(move: Move) -> None:
    move.on_both(PERIODS)
    move.source.execute(COVERED)
    move = evolve(move, registrations=(Registration(EMPLOYEE),))
    move = evolve(move, tables=(TableSettings(EMPLOYEE, dangling=Dangling.EXPORT),))
    move.export()
    addresses = "INSERT INTO s.address VALUES ('[2,2]', '[2020-01-01,2030-01-01)'), {}"
    move.target.execute(addresses.format("('[1,1]', '[2020-01-01,2021-01-01)')"))
    assert lacking(move) == ["s.employee.employee_address_valid_fkey"]
    move.target.execute("INSERT INTO s.address VALUES ('[1,1]', '[2021-01-01,2022-01-01)')")
    assert lacking(move) == []
    assert move.replay().rows == {EMPLOYEE: 3}


@pytest.mark.parametrize("period", [False, True])
def test_depth_is_not_defined_along_a_period(period: bool) -> None:
    key = ForeignKey("boss", EMPLOYEE, ("boss",), EMPLOYEE, ("id",), period=period)
    request = OrderRequest("ordered", (EMPLOYEE,), (key,), {EMPLOYEE: MOST_ROWS_TOGETHER + 1})
    order = ordered.order_tables(request)
    assert order is not None
    assert [isinstance(step, LoadTable) and step.by_depth for step in order.steps] == [
        None if period else key
    ]


# The names put the referencing tables first, in case nothing but names orders them.
PARTITIONS = """
CREATE SCHEMA s;
CREATE TABLE s.kind (id int PRIMARY KEY);
CREATE TABLE s.event (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE s.event_2020 PARTITION OF s.event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE s.event_2021 PARTITION OF s.event FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
ALTER TABLE s.event_2020 ADD UNIQUE (id);
ALTER TABLE s.event_2021 ADD FOREIGN KEY (id) REFERENCES s.kind;
CREATE TABLE s.alarm (id int PRIMARY KEY, event int REFERENCES s.event_2020 (id), tenant int);
"""
EVENTS = """
INSERT INTO s.kind VALUES (7), (8);
INSERT INTO s.event VALUES (1, '2020-05-05'), (7, '2021-05-05'), (7, '2020-06-06');
INSERT INTO s.alarm VALUES (1, 1, 1);
"""


@in_two_ways
def test_keys_of_partitions_and_to_them_count_for_the_load_order(move: Move, way: Way) -> None:
    move.on_both(PARTITIONS)
    move.source.execute(EVENTS)
    assert move.move(way).kept
    assert move.differing() == []


def test_a_key_of_a_partition_dangles_for_the_rows_of_that_partition(move: Move) -> None:
    move.on_both(PARTITIONS)
    move.source.execute(EVENTS)
    move = evolve(move, tables=(TableSettings(KIND, where="id = 8"),))
    with pytest.raises(DanglingReferenceError, match="id = 7, at = 2021-05-05 holds") as caught:
        move.export()
    assert "2020" not in str(caught.value)


def test_rows_that_a_partition_references_come_with_it(move: Move) -> None:
    move.on_both(PARTITIONS)
    move.source.execute(EVENTS)
    move = evolve(
        move, registrations=(Registration(EVENT), Registration(KIND, rows=WhereReferenced()))
    )
    move.export()
    assert move.replay().rows == {KIND: 1, EVENT: 3}


def test_a_row_of_another_partition_is_not_what_is_referenced(move: Move) -> None:
    move.on_both(PARTITIONS)
    move.source.execute(EVENTS)
    move = evolve(
        move,
        registrations=(
            Registration("s.alarm", rows=ByColumn("tenant", "tenant")),
            Registration(EVENT),
        ),
        scope={"tenant": "1"},
        tables=(TableSettings(EVENT, where="id <> 1 OR at >= '2021-01-01'"),),
    )
    move.source.execute(
        "INSERT INTO s.kind VALUES (1); INSERT INTO s.event VALUES (1, '2021-01-01')"
    )
    with pytest.raises(DanglingReferenceError, match=r"s\.alarm\(event\) → s\.event_2020\(id\)"):
        move.export()


@in_two_ways
def test_columns_of_unlike_collations_compare_by_the_referenced_one(move: Move, way: Way) -> None:
    move.on_both(
        'CREATE SCHEMA s; CREATE TABLE s.b (id text COLLATE "C" PRIMARY KEY);'
        "CREATE TABLE s.a (id text PRIMARY KEY REFERENCES s.b, up text REFERENCES s.a)"
    )
    move.source.execute("INSERT INTO s.b VALUES ('x'), ('Y'); INSERT INTO s.a VALUES ('x', 'x')")
    assert move.move(way).kept
    assert move.differing() == []
    move = evolve(move, tables=(TableSettings(RelationName("s", "b"), where="id <> 'x'"),))
    with pytest.raises(DanglingReferenceError, match=r"s\.a\(id\) → s\.b\(id\)"):
        move.export(way.form)
