"""Whether rows are exported, and why: what `replant why` finds, as values that print."""

from __future__ import annotations

from attrs import frozen

from replant.explain.explanation import PathStep
from replant.model.closure_request import Root, RowKey, describe_arrival


@frozen
class ExportedRow:
    """A row that is exported, by a path from a row that was chosen for itself.

    Attributes:
        start: where the path begins; the row itself if there is no step.
        because: why that one is exported: `root public.customer: id = 2`.
        steps: from the start to the row.

    """

    start: RowKey
    because: str
    steps: tuple[PathStep, ...] = ()

    @property
    def row(self) -> RowKey:
        """The row in question."""
        return self.steps[-1].row if self.steps else self.start

    def __str__(self) -> str:
        """The path from the row back to its start, a line for each row and for each step."""
        lines = [f"{self.row} is exported", *_back(self.start, self.steps)]
        return "\n".join([*lines, f"  {self.because}"])


@frozen
class RowLeftOut:
    """A row that is not exported.

    Attributes:
        because: why not; of `last` if there is one.
        last: a row from which it would have come.
        steps: how it would have come from there.

    """

    row: RowKey
    because: str
    last: RowKey | None = None
    steps: tuple[PathStep, ...] = ()

    def __str__(self) -> str:
        """The path by which it would have come, backwards, and what stands in the way."""
        if self.last is None:
            return f"{self.row} is not exported\n  {self.because}"
        lines = [f"{self.row} is not exported; it would come", *_back(self.last, self.steps)]
        return "\n".join([*lines, f"  {self.because}"])


@frozen
class Explanation:
    """What is known of the rows that satisfy a predicate.

    Attributes:
        asked: the table and the predicate.
        matched: how many rows satisfy it.
        rows: what is known of the first of them, in order of their key.
        because: why no such row is exported, where no single row can be looked at.

    """

    asked: Root
    matched: int = 0
    rows: tuple[ExportedRow | RowLeftOut, ...] = ()
    because: str | None = None

    @property
    def exported(self) -> bool:
        """Whether there are such rows, and those that were looked at are all exported."""
        return bool(self.rows) and all(isinstance(row, ExportedRow) for row in self.rows)

    def __str__(self) -> str:
        """All that is known, row by row."""
        if self.because is not None:
            return f"{self.asked} is not exported\n  {self.because}"
        if not self.rows:
            return f"{self.asked} is satisfied by no row"
        more = self.matched - len(self.rows)
        parts = list(map(str, self.rows))
        return "\n\n".join([*parts, f"and {more} more such rows"] if more else parts)


def _back(start: RowKey, steps: tuple[PathStep, ...]) -> list[str]:
    """The steps, the last one first, each with the row that it leads from."""
    rows = [start, *(step.row for step in steps)]
    lines = []
    for source, step in reversed(list(zip(rows, steps, strict=False))):
        lines += [f"  {describe_arrival(step.reference, down=step.down)}, from", str(source)]
    return lines
