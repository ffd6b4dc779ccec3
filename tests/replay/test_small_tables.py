"""Tables with few rows are loaded and compared together, and each is told apart."""

from __future__ import annotations

import pytest

from replant.database import copy_from_stdin, copy_stream, libpq
from replant.errors import ReplayError
from replant.model import ExportSettings
from replant.replay import loaded_rows
from tests.support.moves import Move, in_every_format

TABLES = 150

TRIGGER = """
CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN NEW.v := NEW.v || ''!''; RETURN NEW; END';
CREATE TRIGGER f BEFORE INSERT ON s.t77 FOR EACH ROW EXECUTE FUNCTION s.f()
"""


@pytest.fixture
def tables(move: Move) -> Move:
    """Tables of a row each; values of one name relations, and those of another none."""
    move.empty()
    move.on_both("CREATE SCHEMA s")
    for number in range(TABLES):
        kind = "regclass" if number == 3 else "text"
        move.on_both(f"CREATE TABLE s.t{number} (id integer PRIMARY KEY, v {kind})")
        value = "'s.t1'" if number == 3 else f"'{number}'"
        move.source.execute(f"INSERT INTO s.t{number} VALUES ({number}, {value})".encode())
    return move


@in_every_format
def test_many_tables_take_few_round_trips(
    tables: Move, form: ExportSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables.export(form)
    loads: list[int] = []
    reads: list[int] = []
    original = libpq.send_query

    def counted(connection: object, statements: bytes) -> None:
        loads.append(statements.count(b" FROM stdin"))
        reads.append(statements.count(b"TO STDOUT"))
        original(connection, statements)  # type: ignore[arg-type]

    monkeypatch.setattr(copy_from_stdin, "send_query", counted)
    monkeypatch.setattr(copy_stream, "send_query", counted)
    tables.replay()

    assert [number for number in loads if number] == [100, 50]
    assert sorted(number for number in reads if number) == [1, 49, 100]
    assert tables.differing() == []


@in_every_format
@pytest.mark.parametrize("near", [True, False])
def test_the_one_that_a_trigger_changed_is_named(
    tables: Move, form: ExportSettings, near: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables.target.execute(TRIGGER.encode())
    monkeypatch.setattr(loaded_rows, "is_near", lambda _: near)
    tables.export(form)

    with pytest.raises(ReplayError, match=r"s\.t77: the rows differ .*, as id = 77"):
        tables.replay()

    assert tables.target.execute("SELECT count(*) FROM s.t0").fetchone() == (0,)


@in_every_format
def test_the_one_whose_row_is_refused_is_named(tables: Move, form: ExportSettings) -> None:
    tables.target.execute("ALTER TABLE s.t120 ADD CHECK (v <> '120')")
    tables.export(form)

    with pytest.raises(ReplayError, match=r"the target refused a row of s\.t120"):
        tables.replay()

    assert tables.target.execute("SELECT count(*) FROM s.t0").fetchone() == (0,)
