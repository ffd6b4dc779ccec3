"""Whatever odd keys, partitions, defaults and triggers a schema has, its rows arrive once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from replant.testing.servers.server import Server
from tests.support.moves import Move
from tests.support.odd_schemas import (
    OddMove,
    check_rows_arrive_once,
    odd_moves,
    two_for_odd_moves,
)
from tests.support.property_tests import example_count

#: The embedded server, which was built without ICU.
MOVES = odd_moves(18, icu=False)


@pytest.fixture(scope="module")
def databases(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    with two_for_odd_moves(server, tmp_path_factory.mktemp("odd")) as move:
        yield move


@settings(max_examples=example_count(12))
@given(drawn=MOVES)
def test_rows_of_odd_tables_arrive_once(databases: Move, drawn: OddMove) -> None:
    check_rows_arrive_once(databases, drawn)
