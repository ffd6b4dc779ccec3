"""Finds the places of shared rows among the rows of a table, as these pass on to an artifact.

Which rows are shared is known by where they are in the source. In the artifact they are told by
their place, so the keys of the shared rows are read before, and compared with each row that passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable

from replant.artifact.manifest import Runs
from replant.sql.row_forms import Rows


class SharedPlaces:
    """The places of the shared rows of one table, in runs of neighbours.

    Args:
        identity: returns what tells a row from others, from its text: its key, or the row itself.
        shared: what that is for each shared row.

    """

    def __init__(self, identity: Callable[[bytes], Hashable], shared: Iterable[Hashable]) -> None:
        self._identity = identity
        self._left = Counter(shared)
        self._place = 0
        self._runs: list[tuple[int, int]] = []

    def add(self, rows: Rows) -> None:
        """Look at the next rows."""
        for place, row in enumerate(rows, self._place):
            identity = self._identity(row)
            if self._left[identity] > 0:
                self._left[identity] -= 1
                self._take(place)
        self._place += len(rows)

    def _take(self, place: int) -> None:
        first, number = self._runs[-1] if self._runs else (-1, 0)
        if first + number == place:
            self._runs[-1] = first, number + 1
        else:
            self._runs.append((place, 1))

    @property
    def runs(self) -> Runs:
        """The first place of each run, and how many rows it has."""
        return tuple(self._runs)
