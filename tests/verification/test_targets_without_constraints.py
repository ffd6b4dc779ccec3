"""A target that lost its constraints may hold a key twice, or none: verify tells of each row."""

from __future__ import annotations

import pytest

from replant import api
from replant.verification.differences import RowDifferenceKind
from tests.support.moves import FORMATS, Move

#: Types whose keys every database orders in the same way, and one whose order is a database's own.
KEYS = {"integer": "n", "text": "'key ' || n", "s.size": "('{small,large}'::s.size[])[n]"}


@pytest.fixture(params=KEYS)
def moved(request: pytest.FixtureRequest, move: Move) -> Move:
    """Rows in the target, whose constraints are gone."""
    kind = request.param
    move.empty()
    move.on_both(
        "CREATE SCHEMA s; CREATE TYPE s.size AS ENUM ('small', 'large');"
        f"CREATE TABLE s.t (id {kind} PRIMARY KEY, name text)"
    )
    move.source.execute(
        f"INSERT INTO s.t SELECT {KEYS[kind]}, 'name' FROM generate_series(1, 2) AS n".encode()
    )
    move.export(FORMATS["file-insert"])
    move.replay()
    move.target.execute(
        b"ALTER TABLE s.t DROP CONSTRAINT t_pkey; ALTER TABLE s.t ALTER COLUMN id DROP NOT NULL",
        prepare=False,
    )
    assert move.differing() == []
    return move


def additional(move: Move) -> int:
    (result,) = api.verify(str(move.artifact), move.settings())
    assert not result.equal
    assert set(result.counts) == {RowDifferenceKind.ADDITIONAL}
    return result.count


def test_a_row_without_a_key_is_additional(moved: Move) -> None:
    moved.target.execute(b"INSERT INTO s.t VALUES (NULL, 'name')")
    assert additional(moved) == 1


def test_a_row_that_is_there_twice_is_additional(moved: Move) -> None:
    moved.target.execute(b"INSERT INTO s.t SELECT * FROM s.t")
    assert additional(moved) == 2


def test_a_row_that_is_there_three_times_with_other_values_is_additional(moved: Move) -> None:
    moved.target.execute(
        b"INSERT INTO s.t SELECT id, 'another' FROM s.t, generate_series(1, 2) ORDER BY id LIMIT 2"
    )
    (result,) = api.verify(str(moved.artifact), moved.settings())
    assert result.counts[RowDifferenceKind.ADDITIONAL] == 2


def test_a_row_that_is_there_three_times_is_counted_twice(moved: Move) -> None:
    """Also where the key cannot be NULL, so that rows are compared in the order of their key."""
    moved.target.execute(b"ALTER TABLE s.t ALTER COLUMN id SET NOT NULL")
    moved.target.execute(
        b"INSERT INTO s.t SELECT id, 'another' FROM s.t, generate_series(1, 2) ORDER BY id LIMIT 2"
    )
    assert additional(moved) == 2
