"""Odd schemas on a server that was built with ICU, so nondeterministic collations among them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import evolve
from hypothesis import given, settings

from replant.testing.servers.server import local_server
from tests.support.moves import Move
from tests.support.odd_schemas import (
    OddMove,
    check_rows_arrive_once,
    odd_moves,
    two_for_odd_moves,
)
from tests.support.property_tests import example_count
from tests.versions.servers import major_version, programs_with_icu

PROGRAMS = programs_with_icu()
MOVES = odd_moves(major_version(PROGRAMS) if PROGRAMS else 14, icu=True)


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    if PROGRAMS is None:
        pytest.skip("no PostgreSQL that was built with ICU is installed")
    folder = tmp_path_factory.mktemp("odd")
    with local_server(PROGRAMS) as server, two_for_odd_moves(server, folder) as move:
        yield move


@settings(max_examples=example_count(6))
@given(drawn=MOVES)
def test_rows_of_odd_tables_arrive_once(databases: Move, drawn: OddMove) -> None:
    with_collations = {*drawn.oddities, "collations"}
    check_rows_arrive_once(databases, evolve(drawn, oddities=tuple(sorted(with_collations))))
