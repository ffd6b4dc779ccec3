"""Compares the rows of one table one by one: by ranges of their key, by each key, or by content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from attrs import define, evolve, field, frozen

from replant.artifact.artifact import Artifact, patch_texts, row_texts
from replant.artifact.manifest import ExportedTable
from replant.artifact.row_batches import check_rows
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_fields, copied_rows
from replant.model import ChosenRows, PlannedTable, Progress, Selection, Text
from replant.sql import row_queries as queries
from replant.sql.fingerprints import row_hash
from replant.sql.row_forms import Rows
from replant.verification.blocks import Range
from replant.verification.differences import DifferenceList, Key, RowDifferenceKind, TableResult

#: So many rows of the artifact are held at a time, each with its values.
_HELD = 4096

#: So many keys are looked up in one query.
_ASKED = 1000


@define
class _RowPlaces:
    """The rows of a table in the artifact, which are read once, from the first to the last."""

    _batches: Iterator[Rows]
    _batch: Rows = field(factory=list, init=False)
    _place: int = field(default=0, init=False)

    def between(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the rows from a place on, and before another; no place is before those asked for.

        Fewer come where the artifact has no more.
        """
        while True:
            behind = self._place + len(self._batch)
            yield from self._batch[max(0, start - self._place) : max(0, stop - self._place)]
            if stop <= behind:
                return
            self._place = behind
            try:
                self._batch = next(self._batches)
            except StopIteration:
                self._batch = []
                return


@frozen
class RowComparison:
    """One table of an artifact and of a target.

    Attributes:
        exported: the artifact's table; its `rows` are None where conditions do not select them.
        table: as the target has it.
        selection: the conditions of all tables.
        one_way: why no condition selects the rows, where none does.
        differences: what was found.

    """

    database: DatabaseConnection
    artifact: Artifact
    exported: ExportedTable
    table: PlannedTable
    selection: Selection
    progress: Progress = lambda _table, _rows, _bytes: None
    one_way: str = ""
    differences: DifferenceList = field(init=False)

    @differences.default
    def _no_differences(self) -> DifferenceList:
        return DifferenceList(self.table.name, self.table.key)

    # -- by ranges ---------------------------------------------------------------------------------

    def by_ranges(self, ranges: Iterable[Range], found: int) -> TableResult:
        """Compare the rows of parts of both sides, in the order of the key.

        The artifact's other rows are passed over without a check that each is one.

        Args:
            ranges: the parts, in order.
            found: how many of the selected rows the target has.

        """
        rows = _RowPlaces(self.artifact.lines(self.table.name))
        for part in ranges:
            self._compare_range(part, rows)
        return self.differences.result(self.exported.row_count, found)

    def _compare_range(self, part: Range, all_rows: _RowPlaces) -> None:
        """Compare a part in pieces of rows that are held at a time."""
        rows = all_rows.between(part.start, part.stop)
        low: Key | None = part.low
        piece = self._checked(islice(rows, _HELD))
        while True:
            after = self._checked(islice(rows, _HELD))
            high = self._key_of(self._texts(after[0])) if after else part.high
            self._compare_piece(piece, low, high)
            if not after:
                return
            low, piece = high, after

    def _compare_piece(self, piece: Rows, low: Key | None, high: Key | None) -> None:
        """Compare rows as they stand; those that are not equal are taken apart."""
        missing = Counter(piece)
        unknown = []
        query = queries.fields_between(self.selection, evolve(self.table, ordered=False), low, high)
        options = self.exported.row_form.copy_out_options
        for batch in copied_rows(self.database, query, options, side="target"):
            for row in batch:
                if missing[row] > 0:
                    missing[row] -= 1
                else:
                    unknown.append(row)
        exported = {self._key_of(texts): texts for texts in map(self._texts, missing.elements())}
        names = self.table.column_names
        additional = []
        for texts in map(self._texts, unknown):
            key = self._key_of(texts)
            if key in exported:
                self.differences.add_changed(key, names, exported.pop(key), texts)
            else:
                additional.append(texts)
        self._settle(exported, additional)

    def _checked(self, lines: Iterable[bytes]) -> Rows:
        rows, exported = list(lines), self.exported
        width, origin = len(exported.columns), self.artifact.origin
        check_rows(exported.row_form, rows, width, exported.name, origin)
        return rows

    def _texts(self, row: bytes) -> Key:
        return self.exported.row_form.texts(row, len(self.exported.columns))

    def _settle(self, missing: dict[Key, Key], additional: list[Key]) -> None:
        """Note rows of one side only.

        A missing one may be there all the same: its key may be equal and have another text, or a
        value by which it is selected may have changed.
        """
        names = self.table.column_names
        width = len(names)
        left = Counter(map(self._key_of, additional))
        for keys in _batched(missing, _ASKED):
            query = queries.texts_by_key(self.table, names, keys)
            of_target = {place: rest for place, *rest in self.database.execute(query)}
            for place, key in enumerate(keys):
                if place not in of_target:
                    self.differences.add(RowDifferenceKind.MISSING, key)
                    continue
                row = tuple(of_target[place][-width:])
                left[self._key_of(row)] -= 1
                self.differences.add_changed(key, names, missing[key], row)
        for key in left.elements():
            self.differences.add(RowDifferenceKind.ADDITIONAL, key)

    def _key_of(self, row: Sequence[Text]) -> Key:
        return tuple(row[place] for place in self._key_places)

    @property
    def _key_places(self) -> tuple[int, ...]:
        names = self.table.column_names
        return tuple(names.index(name) for name in self.table.key)

    # -- by each key -------------------------------------------------------------------------------

    def by_key(self) -> TableResult:
        """Look up each key of the artifact, then search for keys that the artifact has not."""
        seen: set[Key] = set()
        name = self.table.name
        separate = self.artifact.stored_separately.get(name, ())
        names = self.table.column_names
        kept = tuple(column for column in names if column not in separate)
        for batch in row_texts(self.artifact, name):
            self._look_up(names, kept, batch, seen)
            self.progress(name, len(batch), 0)
        for batch in patch_texts(self.artifact, name):
            self._look_up(self.table.key + separate, separate, batch, None)
        found = len(seen)
        if self.exported.rows is None:
            return self.differences.result(self.exported.row_count, found, self.one_way)
        return self.differences.result(self.exported.row_count, found + self._search(seen))

    def _look_up(
        self,
        names: tuple[str, ...],
        compared: tuple[str, ...],
        batch: list[tuple[Text, ...]],
        seen: set[Key] | None,
    ) -> None:
        """Compare some columns of rows of which the columns `names` are given.

        The keys that were found are added to `seen`. It is None for columns that stand apart from
        their rows: rows that are missing were noted when the rows themselves were looked up.
        """
        rows = [dict(zip(names, texts, strict=True)) for texts in batch]
        keys = [tuple(row[name] for name in self.table.key) for row in rows]
        query = queries.texts_by_key(self.table, compared, keys)
        width = len(self.table.key)
        of_target: dict[int, list[Text]] = {}
        for place, *rest in self.database.execute(query):
            if seen is not None and place in of_target:
                # The target has no unique constraint, and the same key once more.
                self.differences.add(RowDifferenceKind.ADDITIONAL, keys[place])
                if rest[width:] != [rows[place][name] for name in compared]:
                    continue
            of_target[place] = rest
        for place, (key, row) in enumerate(zip(keys, rows, strict=True)):
            if place not in of_target:
                if seen is not None:
                    self.differences.add(RowDifferenceKind.MISSING, key)
                continue
            if seen is not None:
                # A key may be equal in the target and have another text there.
                seen.add(tuple(of_target[place][:width]))
            values = tuple(row[name] for name in compared)
            self.differences.add_changed(key, compared, values, tuple(of_target[place][width:]))

    def _search(self, seen: set[Key]) -> int:
        """Note the target's selected rows whose key was not seen; return how many there are."""
        number = 0
        query = queries.key_texts(self.selection, self.table)
        for rows in copied_fields(self.database, query):
            for row in rows:
                key = tuple(None if value is None else value.decode() for value in row)
                if key not in seen:
                    number += 1
                    self.differences.add(RowDifferenceKind.ADDITIONAL, key)
        return number

    # -- by content --------------------------------------------------------------------------------

    def by_content(self) -> TableResult:
        """Compare how often each content occurs, for rows without a key."""
        wanted: Counter[int] = Counter()
        sample: dict[int, bytes] = {}
        for batch in self.artifact.rows(self.table.name):
            for row in batch:
                content = row_hash(row)
                wanted[content] += 1
                sample.setdefault(content, row)
        found = 0
        for batch in self._target_rows():
            for row in batch:
                content = row_hash(row)
                if wanted[content] > 0:
                    wanted[content] -= 1
                    found += 1
                elif self.exported.rows is not None:
                    found += 1
                    self._note(RowDifferenceKind.ADDITIONAL, row)
        for content, number in wanted.items():
            for _ in range(number):
                self._note(RowDifferenceKind.MISSING, sample[content])
        one_way = "" if self.exported.rows is not None else self.one_way
        return self.differences.result(self.exported.row_count, found, one_way)

    def _note(self, kind: RowDifferenceKind, row: bytes) -> None:
        form = self.exported.row_form
        self.differences.add_shown(kind, form.written([row])[0].decode)

    def _target_rows(self) -> Iterator[Rows]:
        selection = self.selection
        if self.exported.rows is None:
            rows = ChosenRows(only=self.table.rows.only)
            selection = {**selection, self.table.name: rows}
        query = queries.fields_in_any_order(selection, self.table)
        options = self.exported.row_form.copy_out_options
        return copied_rows(self.database, query, options, side="target")


def _batched(keys: Iterable[Key], size: int) -> Iterator[list[Key]]:
    """Divide keys into lists; `itertools.batched` comes with Python 3.12."""
    left = iter(keys)
    while batch := list(islice(left, size)):
        yield batch
