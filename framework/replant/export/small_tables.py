"""Reads tables with few rows, many in one round trip.

To ask for each by itself takes longer than its rows do; over a slow line, very much longer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice, takewhile

from attrs import define, field

from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_together
from replant.database.joined_rows import JoinedRows
from replant.database.libpq import TOGETHER
from replant.model import RelationName


@define
class SmallTables:
    """Tables that are expected to be asked for in an order; any other is right, and slower.

    Nobody else may ask the database anything from one of the tables to its neighbour.

    Attributes:
        database: where the rows are.
        order: all tables, in the order in which they will be asked for; None where something else
            is asked.
        small: those of them that are read here.
        query: gives the query of a table, and the options of COPY.

    """

    _database: DatabaseConnection
    _order: Sequence[RelationName | None]
    _small: frozenset[RelationName]
    _query: Callable[[RelationName], tuple[sql.Composable, str]]
    _places: dict[RelationName, int] = field(init=False)
    _asked: deque[RelationName] = field(factory=deque, init=False)
    _answers: Generator[Iterator[JoinedRows]] = field(init=False)

    @_answers.default
    def _none(self) -> Generator[Iterator[JoinedRows]]:
        yield from ()

    @_places.default
    def _by_name(self) -> dict[RelationName, int]:
        return {name: place for place, name in enumerate(self._order) if name is not None}

    def __contains__(self, name: object) -> bool:
        """Tell whether a table is read here."""
        return name in self._small

    def read(self, name: RelationName) -> Iterator[JoinedRows]:
        """Read the rows of a table, in batches.

        Raises:
            DatabaseError: the server failed, over this table.

        """
        if not self._asked or self._asked[0] != name:
            self.finish()
            behind = islice(self._order, self._places[name], self._places[name] + TOGETHER)
            self._asked = deque(
                name for name in takewhile(self._small.__contains__, behind) if name
            )
            asked = [self._query(each) for each in self._asked]
            self._answers = copied_together(self._database, asked)
        self._asked.popleft()
        whole = False
        try:
            yield from next(self._answers)
            whole = True
        finally:
            if not whole:
                self._answers.close()
        if not self._asked:
            self.finish()

    def finish(self) -> None:
        """Pass over what was asked for and not read; the database can be asked again then."""
        self._asked.clear()
        for rows in self._answers:
            for _ in rows:
                pass
