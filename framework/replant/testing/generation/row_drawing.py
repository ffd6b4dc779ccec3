"""Draws rows once: a blueprint and Hypothesis' choices in, the rows of each group out.

Rows come in phases, so that a foreign key may point to any row, also to one drawn later: first the
columns that reference nothing, then the references, then what no key leaves room for goes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

from attrs import define, field
from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from replant.model import Column, ForeignKey, RelationName, Text
from replant.testing.generation.blueprint import Blueprint, TableBlueprint, filled_by
from replant.testing.rows import Row, Rows

#: How many values of a type the cells of one example choose among, at most.
_POOL = 4

#: How often a value that is taken already is drawn anew before its row is given up.
_TRIES = 6

#: The group of the rows that all tenants share, or of all rows where there are no tenants.
_SHARED = 0


@define(eq=False)
class _DrawnRow:
    """A row on its way; a column without a cell has no value yet.

    Attributes:
        choices: a byte for each column, which chooses its value; 0 chooses the simplest.

    """

    group: int
    choices: dict[str, int]
    cells: Row = field(factory=dict)


class Drawing:
    """The rows of one example."""

    def __init__(self, draw: DrawFn, blueprint: Blueprint, *, groups: int) -> None:
        """Draw rows for `groups` groups; where there are tenants, the first is what they share."""
        self._draw = draw
        self._blueprint = blueprint
        self._groups = groups
        self._pools: dict[Hashable, list[str]] = {}
        self._scopes: dict[int, Text] = {}
        self._rows: dict[RelationName, list[_DrawnRow]] = {name: [] for name in blueprint.tables}
        self._make_rows()
        self._fill_values()
        for key in blueprint.keys:
            self._fill_references(key)
        for plan in blueprint.tables.values():
            self._repair_broken(plan)
            self._keep_unique(plan, whole=True)
        self._drop_unfit()

    def finished(self) -> list[Rows]:
        """Return the rows of each group; tables of another kind of group are left out."""
        return [
            {
                name: [row.cells for row in self._rows[name] if row.group == group]
                for name, plan in self._blueprint.tables.items()
                if group in self._groups_of(plan)
            }
            for group in range(self._groups)
        ]

    # -- how many rows ---------------------------------------------------------------------------

    def _groups_of(self, plan: TableBlueprint) -> Sequence[int]:
        if self._blueprint.tenancy is None or plan.shared:
            return (_SHARED,)
        return range(1, self._groups)

    def _make_rows(self) -> None:
        for group in range(self._groups):
            plans = [p for p in self._blueprint.tables.values() if group in self._groups_of(p)]
            numbers = dict(zip((p.name for p in plans), self._numbers(len(plans)), strict=True))
            self._provide_parents(numbers)
            for plan in plans:
                number = 1 if self._is_root(plan.name) else numbers[plan.name]
                self._rows[plan.name] += [self._new_row(plan, group) for _ in range(number)]

    def _numbers(self, length: int) -> list[int]:
        least, greatest = self._blueprint.rows
        return [least + byte % (greatest - least + 1) for byte in self._bytes(length)]

    def _provide_parents(self, numbers: dict[RelationName, int]) -> None:
        """Let there be a row wherever a row needs one to reference."""
        changed = True
        while changed:
            changed = False
            for key in (*self._blueprint.keys, *self._blueprint.checked):
                plan = self._blueprint.tables[key.table]
                wanted = numbers.get(key.table) and not numbers.get(key.references, 1)
                if wanted and not any(map(plan.may_be_null, key.columns)):
                    numbers[key.references] = 1
                    changed = True

    def _new_row(self, plan: TableBlueprint, group: int) -> _DrawnRow:
        names = [column.name for column in plan.columns]
        return _DrawnRow(group, dict(zip(names, self._bytes(len(names)), strict=True)))

    def _bytes(self, length: int) -> bytes:
        return self._draw(st.binary(min_size=length, max_size=length))

    # -- columns that reference nothing ----------------------------------------------------------

    def _fill_values(self) -> None:
        tenancy = self._blueprint.tenancy
        plans = self._blueprint.tables
        for plan in sorted(plans.values(), key=lambda p: not self._is_root(p.name)):
            alone = {key[0] for key in plan.keys if len(key) == 1}
            for row in self._rows[plan.name]:
                if plan.scope is not None and not self._is_root(plan.name):
                    row.cells[plan.scope] = self._scopes[row.group]
                for column in plan.columns:
                    if column.name not in row.cells and column.name not in plan.references:
                        row.cells[column.name] = self._value(
                            plan, column, row, column.name in alone
                        )
            self._keep_unique(plan, whole=False)
            if tenancy is not None and plan.name == tenancy.root:
                self._learn_scopes(plan)

    def _learn_scopes(self, plan: TableBlueprint) -> None:
        assert plan.scope is not None
        for row in self._rows[plan.name]:
            self._scopes[row.group] = row.cells[plan.scope]

    def _value(self, plan: TableBlueprint, column: Column, row: _DrawnRow, alone: bool) -> Text:
        """Draw a value of the pool; a new one where no two rows may have the same."""
        byte = row.choices[column.name]
        if plan.may_be_null(column.name):
            if byte % (_POOL + 1) == 0:
                return None
            byte -= 1
        if alone:
            return self._draw(plan.values[column.name].texts)
        pool = self._pool(plan, column)
        return pool[byte % len(pool)]

    def _pool(self, plan: TableBlueprint, column: Column) -> list[str]:
        values = plan.values[column.name]
        if id(values) not in self._pools:
            drawn = self._draw(st.lists(values.texts, min_size=1, max_size=_POOL))
            self._pools[id(values)] = drawn
        return self._pools[id(values)]

    # -- references ------------------------------------------------------------------------------

    def _fill_references(self, key: ForeignKey) -> None:
        plan = self._blueprint.tables[key.table]
        one_to_one = any(set(unique) == set(key.columns) for unique in plan.keys)
        taken: set[tuple[Text, ...]] = set()
        kept = []
        for row in self._rows[key.table]:
            candidates = list(self._candidates(key, row))
            if one_to_one:
                candidates = [c for c in candidates if c not in taken] or candidates
            if self._refer(plan, key, row, candidates):
                kept.append(row)
                taken.add(tuple(row.cells[column] for column in key.columns))
        self._rows[key.table] = kept

    def _candidates(self, key: ForeignKey, row: _DrawnRow) -> Iterator[tuple[Text, ...]]:
        """Return values for the key's columns that agree with those the row already has."""
        for other in self._rows[key.references]:
            if other.group not in (row.group, _SHARED):
                continue
            texts = tuple(other.cells[column] for column in key.referenced_columns)
            pairs = zip(key.columns, texts, strict=True)
            if None not in texts and all(row.cells.get(name, text) == text for name, text in pairs):
                yield texts

    def _refer(
        self,
        plan: TableBlueprint,
        key: ForeignKey,
        row: _DrawnRow,
        candidates: Sequence[tuple[Text, ...]],
    ) -> bool:
        """Give the key's columns values; False if there is no row to reference."""
        given = [row.cells[column] for column in key.columns if column in row.cells]
        nullable = [c for c in key.columns if c not in row.cells and plan.may_be_null(c)]
        if not nullable and not candidates and None not in given:
            return False
        byte = row.choices[filled_by(key)[0]]
        number = len(candidates) + bool(nullable)
        choice = byte % number - bool(nullable) if number else -1
        for place, name in enumerate(key.columns):
            if name in row.cells:
                continue
            if choice >= 0:
                row.cells[name] = candidates[choice][place]
            elif name in nullable:
                row.cells[name] = None
            else:
                column = plan.table.column(name)
                assert column is not None
                row.cells[name] = self._value(plan, column, row, alone=False)
        return True

    # -- checks ----------------------------------------------------------------------------------

    def _repair_broken(self, plan: TableBlueprint) -> None:
        """Draw other values for rows that break a check, where that needs no other reference."""
        for row in self._rows[plan.name]:
            for _ in range(_TRIES):
                changeable = plan.broken(row.cells) - self._settled(plan, whole=True)
                if not changeable:
                    break
                for column in plan.columns:
                    if column.name in changeable:
                        row.cells[column.name] = self._new_value(plan, column)

    def _new_value(self, plan: TableBlueprint, column: Column) -> Text:
        """Draw a value that need not be of the pool."""
        texts = plan.values[column.name].texts
        return self._draw(st.none() | texts if plan.may_be_null(column.name) else texts)

    # -- what there is no room for ---------------------------------------------------------------

    def _keep_unique(self, plan: TableBlueprint, *, whole: bool) -> None:
        """Change or drop rows that are equal to an earlier one by a key.

        Before references are filled only the keys without them can be checked.
        """
        filled = plan.references if not whole else frozenset[str]()
        keys = [key for key in plan.keys if filled.isdisjoint(key)]
        seen: list[set[tuple[Hashable, ...]]] = [set() for _ in keys]
        kept = []
        for row in self._rows[plan.name]:
            for _ in range(_TRIES):
                clash = self._clash(plan, row, keys, seen)
                if clash is None or not self._changed(plan, row, clash, whole=whole):
                    break
            if self._clash(plan, row, keys, seen) is not None:
                if self._is_root(plan.name):
                    reject()
                continue
            kept.append(row)
            for key, identities in zip(keys, seen, strict=True):
                identity = plan.identity(key, row.cells)
                if identity is not None:
                    identities.add(identity)
        self._rows[plan.name] = kept

    def _clash(
        self,
        plan: TableBlueprint,
        row: _DrawnRow,
        keys: Iterable[tuple[str, ...]],
        seen: Iterable[set[tuple[Hashable, ...]]],
    ) -> tuple[str, ...] | None:
        for key, identities in zip(keys, seen, strict=True):
            if plan.identity(key, row.cells) in identities:
                return key
        return None

    def _changed(
        self, plan: TableBlueprint, row: _DrawnRow, key: tuple[str, ...], *, whole: bool
    ) -> bool:
        """Change a column of the key, and return whether there was one to change."""
        for column in key:
            if column not in self._settled(plan, whole=whole):
                row.cells[column] = self._draw(plan.values[column].texts)
                return True
        return False

    def _settled(self, plan: TableBlueprint, *, whole: bool) -> frozenset[str]:
        """Return the columns whose values can change no more."""
        settled = plan.references | (plan.referenced if whole else frozenset())
        if not self._is_root(plan.name) and plan.scope is not None:
            settled |= {plan.scope}
        return settled

    def _drop_unfit(self) -> None:
        """Drop rows that their table refuses, and rows whose referenced row was dropped."""
        keys = (*self._blueprint.keys, *self._blueprint.checked)
        plans = self._blueprint.tables.values()
        while any(map(self._refused, plans)) or any(map(self._dangling, keys)):
            pass
        tenancy = self._blueprint.tenancy
        if tenancy is not None and len(self._rows[tenancy.root]) != self._groups - 1:
            reject()

    def _refused(self, plan: TableBlueprint) -> bool:
        """Drop the rows that the table refuses; whether there were any."""
        rows = self._rows[plan.name]
        self._rows[plan.name] = [
            row for row in rows if plan.accept(row.cells) and not plan.broken(row.cells)
        ]
        return len(self._rows[plan.name]) < len(rows)

    def _dangling(self, key: ForeignKey) -> bool:
        """Drop the rows that reference nothing by the key, or let them; whether there were any."""
        plan = self._blueprint.tables[key.table]
        there = {
            tuple(other.cells[column] for column in key.referenced_columns)
            for other in self._rows[key.references]
        }
        kept, changed = [], False
        for row in self._rows[key.table]:
            texts = tuple(row.cells[column] for column in key.columns)
            if None in texts or texts in there:
                kept.append(row)
                continue
            changed = True
            nullable = [column for column in key.columns if plan.may_be_null(column)]
            if nullable:
                row.cells.update(dict.fromkeys(nullable))
                kept.append(row)
        self._rows[key.table] = kept
        return changed

    def _is_root(self, name: RelationName) -> bool:
        tenancy = self._blueprint.tenancy
        return tenancy is not None and name == tenancy.root
