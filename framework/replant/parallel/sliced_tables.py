"""Reads tables by slices, several at a time, and gives the rows of each table in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future
from itertools import count

from attrs import define, field, frozen

from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_rows, in_batches
from replant.database.joined_rows import JoinedRows, bytes_in
from replant.errors import DatabaseError
from replant.model import PlannedTable, Progress, RelationName, Selection
from replant.model.progress import silent
from replant.parallel.read_slice import (
    ReadSlice,
    SliceTask,
    read_slice,
    rows_carried,
    rows_left_in,
)
from replant.parallel.slices import cut_slices
from replant.parallel.workers import Workers
from replant.sql.fingerprints import Block, Fingerprint
from replant.sql.row_forms import FORMS, RowForm

#: A table with fewer rows is read sooner than a task begins.
FEWEST_ROWS = 5_000


def is_large(row_count: int) -> bool:
    """Tell whether a table has so many rows that a task is worth it."""
    return row_count >= FEWEST_ROWS


@frozen
class SlicedTable:
    """A table that is read by slices.

    Attributes:
        table: which; its `row_count` says how many rows are expected.
        form: the form in which its rows are read and hashed.
        rows_per_block: how many rows a block has; 1 if each row is hashed by itself.
        like: the blocks of the rows with which these are compared, if they have more than one row.

    """

    table: PlannedTable
    form: RowForm
    rows_per_block: int
    like: tuple[Block, ...] = ()


@define
class _Slice:
    """A slice; its future once it was handed to a worker."""

    task: SliceTask
    future: Future[ReadSlice | None] | None = None


@define
class SlicedTables:
    """Tables that are asked for one after the other, while the workers are ahead by some slices.

    Attributes:
        database: where the rows are, in the transaction whose snapshot the workers share.
        selection: the chosen rows of every table.
        tables: in the order in which they will be asked for.
        leave_rows: whether the rows are wanted, or only their fingerprints.

    """

    _database: DatabaseConnection
    _workers: Workers
    _selection: Selection
    _tables: dict[RelationName, SlicedTable]
    _leave_rows: bool
    _uncut: deque[RelationName] = field(init=False)
    _cut: dict[RelationName, list[_Slice]] = field(factory=dict, init=False)
    _waiting: deque[_Slice] = field(factory=deque, init=False)
    _ahead: int = field(default=0, init=False)
    _numbers: Iterator[int] = field(factory=count, init=False)

    @_uncut.default
    def _all(self) -> deque[RelationName]:
        return deque(self._tables)

    def __contains__(self, name: object) -> bool:
        """Tell whether a table is read here."""
        return name in self._tables

    def read(
        self, name: RelationName, fingerprint: Fingerprint, progress: Progress = silent
    ) -> Iterator[JoinedRows]:
        """Read a table, and add its rows to the fingerprint.

        Args:
            name: the table.
            fingerprint: of the same rows as have been given.
            progress: told of the rows of each slice.

        Returns:
            The rows in batches, as one connection would give them; none where only fingerprints
            are wanted.

        Raises:
            DatabaseError: the server failed, or a process ended before its time.

        """
        return in_batches(self._pieces(name, fingerprint, progress))

    def _pieces(
        self, name: RelationName, fingerprint: Fingerprint, progress: Progress
    ) -> Iterator[JoinedRows]:
        while name not in self._cut:
            self._cut_next()
        left = deque(self._cut.pop(name))
        while left:
            # Nothing holds a slice any longer than its rows are wanted.
            slice_ = left.popleft()
            done = self._result(slice_)
            self._ahead -= 1
            if done is None:
                yield from self._read_here(name, slice_.task, fingerprint, progress)
                continue
            progress(name, done.row_count, done.size)
            if done.part is not None:
                fingerprint.extend(done.part)
            for rows in _rows_of(slice_.task, done):
                if done.part is None:
                    fingerprint.add(rows)
                yield rows

    def _read_here(
        self, name: RelationName, task: SliceTask, fingerprint: Fingerprint, progress: Progress
    ) -> Iterator[JoinedRows]:
        """Read a slice by the connection that has a lock of the table already."""
        form = FORMS[task.form]
        part = task.new_fingerprint() if task.hashed else fingerprint
        query, side = sql.SQL(task.query), self._workers.snapshot.side
        for rows in copied_rows(self._database, query, form.copy_out_options, side=side):
            part.add(rows)
            progress(name, len(rows), bytes_in(rows))
            if self._leave_rows:
                yield rows
        if task.hashed:
            fingerprint.extend(part.part)

    def _hand_out(self) -> None:
        """Let the workers be ahead by as many slices as they can be reading, and some more."""
        while self._ahead < 2 * self._workers.jobs:
            while not self._waiting and self._uncut:
                self._cut_next()
            if not self._waiting:
                return
            self._submit(self._waiting.popleft())

    def _submit(self, slice_: _Slice) -> Future[ReadSlice | None]:
        if slice_.future is None:
            slice_.future = self._workers.executor.submit(read_slice, slice_.task)
            self._ahead += 1
        return slice_.future

    def _result(self, slice_: _Slice) -> ReadSlice | None:
        try:
            self._hand_out()
            return self._submit(slice_).result()
        except BrokenExecutor as error:
            why = f" ({error})" if str(error) else ""
            raise DatabaseError(
                f"a process that read rows was ended from outside, for want of memory perhaps"
                f"{why}; use fewer --jobs, or give a cluster's workers more memory"
            ) from error

    def _cut_next(self) -> None:
        name = self._uncut.popleft()
        sliced = self._tables[name]
        table, form = sliced.table, sliced.form
        jobs, folder = self._workers.jobs, self._workers.folder
        self._cut[name] = [
            _Slice(
                SliceTask(
                    self._workers.snapshot,
                    query.as_string(self._database),
                    form.name,
                    table.column_names,
                    table.key,
                    sliced.rows_per_block,
                    like,
                    folder / str(next(self._numbers)) if folder and self._leave_rows else None,
                    carried=folder is None and self._leave_rows,
                )
            )
            for query, like in cut_slices(self._database, self._selection, table, jobs, sliced.like)
        ]
        self._waiting += self._cut[name]


def _rows_of(task: SliceTask, done: ReadSlice) -> Iterator[JoinedRows]:
    """Yield the rows of a slice, if they were left anywhere."""
    if task.file is not None:
        yield from rows_left_in(task.file)
    if task.carried:
        yield from rows_carried(done.rows)
