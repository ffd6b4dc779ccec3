"""Rows that do not stand in the order of their key are compared key by key, and none is doubled."""

from __future__ import annotations

import pytest
from attrs import evolve

from replant import api
from replant.artifact.artifact import open_artifact
from replant.model import ExportSettings, RelationName, RowOrder
from replant.verification import row_comparison
from replant.verification.differences import RowDifferenceKind
from replant_plugins.strategies import cycles
from tests.support.moves import FORMATS, Move, in_every_format

ROWS = 300
TABLE = RelationName("s", "t")
CHANGES = """
UPDATE s.t SET name = 'changed' WHERE id = 150;
DELETE FROM s.t WHERE id = 10;
INSERT INTO s.t VALUES (1000, NULL, 'more');
"""


@pytest.fixture(autouse=True)
def _few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_comparison, "_HELD", 16)
    monkeypatch.setattr(cycles, "MOST_ROWS_TOGETHER", 10)


def fill(move: Move, parent: str) -> None:
    """Make rows that lie on disk in another order than that of their key, as roots come first."""
    move.empty()
    move.on_both(
        "CREATE SCHEMA s; CREATE TABLE s.t (id integer PRIMARY KEY, parent integer, name text)"
    )
    move.source.execute(
        f"INSERT INTO s.t SELECT (n * 10) % 301, {parent}, 'row ' || n "
        f"FROM generate_series(1, {ROWS}) AS n".encode()
    )
    move.on_both("ALTER TABLE s.t ADD FOREIGN KEY (parent) REFERENCES s.t")


def check_each_difference_is_found_once(move: Move) -> None:
    assert move.differing() == []
    move.target.execute(CHANGES.encode(), prepare=False)
    (result,) = api.verify(str(move.artifact), move.settings())
    assert {difference.key: difference.kind for difference in result.differences} == {
        "id = 150": RowDifferenceKind.CHANGED,
        "id = 10": RowDifferenceKind.MISSING,
        "id = 1000": RowDifferenceKind.ADDITIONAL,
    }
    assert result.count == 3


@in_every_format
def test_of_an_export_in_no_order(move: Move, form: ExportSettings) -> None:
    fill(move, "NULL")
    move.export(evolve(form, order=RowOrder.NONE))
    with open_artifact(str(move.artifact)) as artifact:
        exported = artifact.manifest.table(TABLE)
        first = next(artifact.rows(TABLE))[0]
    assert not exported.ordered
    assert exported.row_form.texts(first, 3)[0] == "10"
    move.replay()
    check_each_difference_is_found_once(move)


def test_of_a_table_that_is_written_by_depth(move: Move) -> None:
    fill(move, "CASE WHEN n < 300 THEN ((n + 1) * 10) % 301 END")
    plan = move.export(FORMATS["file-insert"]).plan
    assert "by depth" in plan.order.cycles[0].way
    move.replay()
    check_each_difference_is_found_once(move)
