"""The plan of a schema with more tables than fit on a screen."""

from __future__ import annotations

from tests.support.commands import Replant
from tests.support.moves import Move

EMPTY = 45


def test_tables_without_a_row_are_counted_and_listed_on_demand(
    replant: Replant, move: Move
) -> None:
    tables = " ".join(f"CREATE TABLE s.empty{i} (id int);" for i in range(EMPTY))
    filled = "CREATE TABLE s.filled (id int PRIMARY KEY); INSERT INTO s.filled VALUES (1)"
    move.source.execute(f"CREATE SCHEMA s; {tables} {filled}".encode())
    asked = ("plan", "--source", move.from_.dsn, "--include", "s")

    short, whole = replant(*asked), replant(*asked, "-v")

    assert short.code == whole.code == 0
    assert "s.filled" in short.out
    assert "s.empty7" not in short.out
    assert f"and {EMPTY} tables without a row; -v lists them" in short.out
    assert "s.empty7" in whole.out
