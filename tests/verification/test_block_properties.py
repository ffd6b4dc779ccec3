"""Rows are compared by blocks of their key order, on the client and on the server."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from replant import api
from replant.model import ExportSettings
from replant.sql.fingerprints import LONGEST_IN_BLOCK
from replant.verification.blocks import Range
from replant.verification.differences import RowDifferenceKind, TableResult
from replant.verification.row_comparison import RowComparison
from replant.verification.verify import HashingPlace
from tests.support.blocks import let_blocks_have
from tests.support.moves import Move, in_every_format
from tests.support.property_tests import example_count

LONG = "ä" * LONGEST_IN_BLOCK

#: Keys whose order depends on the collation, unless bytes are compared.
KEYS = st.sampled_from(["A", "B", "a", "b", "ä", "Z", "z", "-a", "1", "10", "9", " ", "_", "\t\\n"])
ROWS = st.dictionaries(
    st.tuples(st.integers(-2, 2), KEYS),
    st.sampled_from([None, "a", "'\n\\", LONG, LONG + "a"]),
    max_size=20,
)


@in_every_format
@given(exported=ROWS, found=ROWS, size=st.sampled_from([2, 3]))
@examples(
    max_examples=example_count(10), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_exactly_the_rows_that_differ_are_found(
    move: Move,
    monkeypatch: pytest.MonkeyPatch,
    form: ExportSettings,
    exported: dict[tuple[int, str], str | None],
    found: dict[tuple[int, str], str | None],
    size: int,
) -> None:
    let_blocks_have(monkeypatch, size)
    move.empty()
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (n int, k text, v text, PRIMARY KEY (k, n))")
    for connection, rows in ((move.source, exported), (move.target, found)):
        connection.cursor().executemany(
            "INSERT INTO s.t VALUES (%s, %s, %s)", [(n, k, v) for (n, k), v in rows.items()]
        )
    move.export(form)
    counts = {
        RowDifferenceKind.MISSING: len(exported.keys() - found.keys()),
        RowDifferenceKind.ADDITIONAL: len(found.keys() - exported.keys()),
        RowDifferenceKind.CHANGED: sum(
            exported[key] != found[key] for key in exported.keys() & found.keys()
        ),
    }
    wanted = {kind: number for kind, number in counts.items() if number}

    for place in (HashingPlace.STREAM, HashingPlace.SERVER):
        (result,) = api.verify(str(move.artifact), move.settings(), hashing=place)
        assert {k: n for k, n in result.counts.items() if n} == {
            k: n for k, n in wanted.items() if n
        }


def test_rows_are_read_only_in_the_blocks_that_differ(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text)")
    move.source.execute("INSERT INTO s.t SELECT n, 'v' || n FROM generate_series(1, 20000) AS n")
    move.export()
    move.replay()
    move.target.execute("UPDATE s.t SET v = 'other' WHERE id IN (3, 9000)")
    compared: list[Range] = []
    by_ranges = RowComparison.by_ranges

    def spied(rows: RowComparison, ranges: Iterable[Range], found: int) -> TableResult:
        compared.extend(ranges)
        return by_ranges(rows, compared, found)

    monkeypatch.setattr(RowComparison, "by_ranges", spied)

    (result,) = api.verify(str(move.artifact), move.settings())

    assert result.counts[RowDifferenceKind.CHANGED] == 2
    assert [(part.start, part.stop) for part in compared] == [(0, 256), (8960, 9216)]
