"""Stores the rows that a search has found, and how, in a temporary file: memory stays flat.

A row is found once. If it was found because another references it, and later because it references
another itself, it is upgraded: then its own children are followed from there on. Both ways are
kept, each with the round of the search in which it was taken.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType

from attrs import frozen

from replant.errors import OutputError

# An index has the place behind its own column, as every index of SQLite does: the rows of a round
# come out in the order of their places, and a range of them needs no search.
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE found (
    place INTEGER PRIMARY KEY, round INTEGER, edge INTEGER, down INTEGER, source INTEGER);
CREATE INDEX found_by_round ON found (round);
CREATE TABLE upgraded (
    place INTEGER PRIMARY KEY, round INTEGER, edge INTEGER, source INTEGER);
CREATE INDEX upgraded_by_round ON upgraded (round);
BEGIN;
"""

_ADD = "INSERT OR IGNORE INTO found VALUES (?1, ?2, ?3, ?4, ?5)"

_UPGRADE = """
INSERT OR IGNORE INTO upgraded
SELECT ?1, ?2, ?3, ?5 WHERE EXISTS (SELECT 1 FROM found WHERE place = ?1 AND NOT down)
"""

_NEW = "SELECT place FROM {} WHERE round = :round AND place BETWEEN :low AND :high"
_FOUND = _NEW.format("found")
_FOUND_OTHERWISE = f"{_FOUND} AND NOT (down AND edge = :edge)"
_REACHED_DOWNWARD = f"{_FOUND} AND down UNION ALL {_NEW.format('upgraded')}"
_PAGE = " ORDER BY place LIMIT :size"

# Rows that share what lies above the lowest 48 bits of their places lie in the same leaf.
_TOUCHED = """
SELECT max(place) FROM found WHERE round = ?1 GROUP BY place >> 48
UNION
SELECT max(place) FROM upgraded WHERE round = ?1 GROUP BY place >> 48
"""

_ONLY_UPWARD = """
SELECT place FROM found WHERE place BETWEEN ? AND ? AND NOT down
AND NOT EXISTS (SELECT 1 FROM upgraded WHERE upgraded.place = found.place) ORDER BY place
"""

_DOWNWARD = """
SELECT place FROM found WHERE place BETWEEN ? AND ?
AND (down OR EXISTS (SELECT 1 FROM upgraded WHERE upgraded.place = found.place)) ORDER BY place
"""

_BEFORE = """
SELECT coalesce(p.edge, s.edge), p.place IS NOT NULL OR s.down, count(*)
FROM found AS f
JOIN found AS s ON s.place = f.source
LEFT JOIN upgraded AS p ON p.place = s.place AND :descending
WHERE f.edge = :edge AND f.down = :down
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2
"""


#: The place of a row, and of the row that led to it; a root has none.
VisitedRow = tuple[int, int | None]


@frozen
class SearchStep:
    """The last step of a way to a row.

    Attributes:
        round: how many steps the shortest way has; 0 for a root.
        edge: the number of a reference; of a root, counted from -1 downward.
        down: whether the row references the source; false if the source references it. A root
            counts as reached downward.

    """

    round: int
    edge: int
    down: bool


class VisitedRows:
    """The set of found rows. Closing it deletes it.

    Args:
        memory: so much is kept in memory, in KiB, and the rest in a file without a name.

    Attributes:
        provenance: how many rows each edge added, by its number and direction.

    """

    def __init__(self, *, memory: int = 65536) -> None:
        self.provenance: Counter[tuple[int, bool]] = Counter()
        with _translated():
            self._file = sqlite3.connect("", isolation_level=None)
            self._file.execute(f"PRAGMA cache_size = -{memory}")
            self._file.executescript(_SCHEMA)

    def __enter__(self) -> VisitedRows:
        """Return the set itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Delete the temporary file."""
        self.close()

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    # -- growing ---------------------------------------------------------------------------------

    def add(self, rows: Sequence[VisitedRow], step: SearchStep) -> int:
        """Add rows, each with its source, where they are new; how many were."""
        number = self._write(_ADD, rows, step)
        self.provenance[step.edge, step.down] += number
        return number

    def upgrade(self, rows: Sequence[VisitedRow], step: SearchStep) -> None:
        """Note of those rows that were not reached downward before that now they are."""
        self._write(_UPGRADE, rows, step)

    def _write(self, statement: str, rows: Sequence[VisitedRow], step: SearchStep) -> int:
        values = [(location, step.round, step.edge, step.down, source) for location, source in rows]
        with _translated():
            return self._file.executemany(statement, values).rowcount

    # -- going on from what is new ---------------------------------------------------------------

    def touched(self, round_: int) -> list[int]:
        """Return a location in each leaf that got new or upgraded rows in a round."""
        return [location for (location,) in self._read(_TOUCHED, (round_,))]

    def new(
        self, round_: int, bounds: tuple[int, int], size: int, *, unless_down_by: int | None
    ) -> Iterator[list[int]]:
        """Yield the rows that were found in a round, in order, in lists of `size`.

        Args:
            round_: the round.
            bounds: the least and the greatest place.
            size: how many at a time.
            unless_down_by: leave out the rows that were reached downward by this edge.

        """
        query = _FOUND if unless_down_by is None else _FOUND_OTHERWISE
        return self._pages(query, round_, bounds, size, unless_down_by)

    def children_followed(
        self, round_: int, bounds: tuple[int, int], size: int
    ) -> Iterator[list[int]]:
        """Yield the rows that a round first reached downward, in order, in lists of `size`."""
        return self._pages(_REACHED_DOWNWARD, round_, bounds, size, None)

    def _pages(
        self, query: str, round_: int, bounds: tuple[int, int], size: int, edge: int | None
    ) -> Iterator[list[int]]:
        """Yield pages of locations; each is a query of its own, as rows are added between pages."""
        low, high = bounds
        while True:
            values = {"round": round_, "low": low, "high": high, "size": size, "edge": edge}
            page = [location for (location,) in self._read(query + _PAGE, values)]
            if page:
                yield page
            if len(page) < size:
                return
            low = page[-1] + 1

    # -- afterwards ------------------------------------------------------------------------------

    def __contains__(self, location: int) -> bool:
        """Whether the row was found."""
        return bool(self._read("SELECT 1 FROM found WHERE place = ?", (location,)))

    def locations(self, bounds: tuple[int, int], edge: int | None = None) -> Iterator[int]:
        """Yield the found rows between two locations, in order; of one edge if it is given."""
        with _translated():
            query = (
                "SELECT place FROM found WHERE place BETWEEN ? AND ? AND edge = coalesce(?, edge) "
                "ORDER BY place"
            )
            for (location,) in self._file.execute(query, (*bounds, edge)):
                yield location

    def reached(self, bounds: tuple[int, int], *, downward: bool) -> Iterator[int]:
        """Yield the rows between two locations that were reached downward, or never, in order."""
        with _translated():
            for (location,) in self._file.execute(_DOWNWARD if downward else _ONLY_UPWARD, bounds):
                yield location

    def found_by(self, location: int) -> tuple[SearchStep, int | None]:
        """Return the step by which a row of the set was found, and its source."""
        query = "SELECT round, edge, down, source FROM found WHERE place = ?"
        ((round_, edge, down, source),) = self._read(query, (location,))
        return SearchStep(round_, edge, bool(down)), source

    def was_reached_downward(self, location: int) -> bool:
        """Return whether a row of the set was a root, or was reached downward at all."""
        return self.found_by(location)[0].down or bool(self._upgrade_of(location))

    def reached_downward_by(self, location: int) -> tuple[SearchStep, int | None]:
        """Return the step by which a row was first reached downward, and its source."""
        for round_, edge, source in self._upgrade_of(location):
            return SearchStep(round_, edge, down=True), source
        return self.found_by(location)

    def _upgrade_of(self, location: int) -> list[tuple[int, ...]]:
        return self._read("SELECT round, edge, source FROM upgraded WHERE place = ?", (location,))

    def before(
        self, edge: int, *, down: bool, children_followed: bool
    ) -> list[tuple[int, bool, int]]:
        """Count by which edges the sources of an edge's rows came, most first.

        `children_followed` says that the edge is followed from rows that were reached downward.
        """
        values = {"edge": edge, "down": down, "descending": children_followed}
        return [(e, bool(d), n) for e, d, n in self._read(_BEFORE, values)]

    def _read(
        self, query: str, values: Sequence[int] | Mapping[str, int | None]
    ) -> list[tuple[int, ...]]:
        with _translated():
            return self._file.execute(query, values).fetchall()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OutputError(
            f"the found rows cannot be kept in a temporary file: {error}; let TMPDIR name a "
            f"folder with room for them, about 60 MB for a million rows"
        ) from error
