"""Defines explanations: values that say why rows are exported or not, and that print.

`Explanation` is the answer of `replant why`. `ClosureExplanation` is the same for a closed set
alone; from it and from conditions the answer is put together.
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from replant.model.closure_rules import Root, describe_arrival
from replant.model.names import RelationName, readable
from replant.model.references import Reference


@frozen
class RowKey:
    """A row as a person tells it from others.

    Attributes:
        values: identifying columns with the texts of their values; empty where the table has no
            key that is NOT NULL.

    """

    table: RelationName
    values: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """Write the row on one line: `public.order id = 5`."""
        if not self.values:
            return f"{self.table} (a row without a key)"
        held = ", ".join(f"{readable(name)} = {_one_line(text)}" for name, text in self.values)
        return f"{self.table} {held}"


@frozen
class PathStep:
    """A row, and how the row before it leads to it.

    Attributes:
        down: whether the row references the one before; false if it is referenced by it.

    """

    reference: Reference
    down: bool
    row: RowKey

    def __str__(self) -> str:
        """Write one line: `down by s.t(a) → s.u(b) to s.t id = 5`."""
        return f"{describe_arrival(self.reference, down=self.down)} to {self.row}"


# -- rows of a closed set ------------------------------------------------------------------------


@frozen
class RowInClosure:
    """A row that is part of the set, by a shortest path from a root.

    Attributes:
        start: the row of the root; the row itself if there is no step.

    """

    root: Root
    start: RowKey
    steps: tuple[PathStep, ...]

    @property
    def row(self) -> RowKey:
        """The row in question."""
        return self.steps[-1].row if self.steps else self.start

    def __str__(self) -> str:
        """Write a line that says so, and a line for each row of the path."""
        lines = [f"{self.row} is part of the closed set:", f"  root {self.root}: {self.start}"]
        return "\n".join([*lines, *(f"  {step}" for step in self.steps)])


class Barrier(Enum):
    """Why a row was not included with a row of the set; each ends a sentence."""

    STOPPED = "the rules stop this reference"
    LIMITED = "the limit of this reference left it out"
    SAMPLED = "the sample of this reference left it out"
    NOT_DESCENDED = "no root leads down to that row, so rows that reference it are not included"
    FIXED = "rows of the next table are chosen by its registration alone"


@frozen
class RowOutsideClosure:
    """A row that is not part of the set.

    Attributes:
        last: a row of the set from which references lead to it; None if none was found.
        barrier: why the first of the steps was not gone.
        steps: how they would have led to it.
        looked_at: how many rows were searched to find one of the set.
        exhausted: whether these were all from which references lead to it.

    """

    row: RowKey
    last: RowKey | None = None
    barrier: Barrier | None = None
    steps: tuple[PathStep, ...] = ()
    looked_at: int = 0
    exhausted: bool = True

    def __str__(self) -> str:
        """Write a line that says so, and which reference would have led to the row."""
        head = f"{self.row} is not part of the closed set"
        if self.last is None or self.barrier is None:
            if self.exhausted and self.looked_at == 1:
                return f"{head}: no reference leads to it"
            rows = f"{'all' if self.exhausted else 'the first'} {self.looked_at:,} rows"
            return f"{head}: no row of it was found among {rows} from which references lead to it"
        lines = [
            f"{head}; it would be, but for the first step from a row that is:",
            f"  {self.last}",
            *(f"  {step}" for step in self.steps),
        ]
        return "\n".join([*lines, f"{self.steps[0].reference}: {self.barrier.value}"])


@frozen
class ClosureExplanation:
    """What is known of the rows that satisfy a predicate.

    Attributes:
        asked: the table and the predicate.
        matched: how many rows satisfy it.
        rows: what is known of the first of them, in order of their key.

    """

    asked: Root
    matched: int
    rows: tuple[RowInClosure | RowOutsideClosure, ...]

    def __str__(self) -> str:
        """Write all that is known, row by row."""
        if not self.matched:
            return f"no row of {self.asked.table} satisfies {self.asked.predicate}"
        more = self.matched - len(self.rows)
        parts = list(map(str, self.rows))
        return "\n".join([*parts, f"and {more} more rows"] if more else parts)


# -- exported rows -------------------------------------------------------------------------------


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
        """Write the path from the row back to its start, a line for each row and each step."""
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
        """Write the path by which it would be exported, backwards, and what stops it."""
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
        because: why no such row is exported, where there is no single row to explain.

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
        """Write all that is known, row by row."""
        if self.because is not None:
            return f"{self.asked} is not exported\n  {self.because}"
        if not self.rows:
            return f"{self.asked} is satisfied by no row"
        more = self.matched - len(self.rows)
        parts = list(map(str, self.rows))
        return "\n\n".join([*parts, f"and {more} more such rows"] if more else parts)


def _back(start: RowKey, steps: tuple[PathStep, ...]) -> list[str]:
    """Write the steps, the last one first, each with the row that it leads from."""
    rows = [start, *(step.row for step in steps)]
    lines = []
    for source, step in reversed(list(zip(rows, steps, strict=False))):
        lines += [f"  {describe_arrival(step.reference, down=step.down)}, from", str(source)]
    return lines


def _one_line(text: str) -> str:
    return text if text.isprintable() else repr(text)[1:-1]
