"""Refuses a plan in which the two ends of a reference are not treated alike.

A key that is left to its default, or changed, while the rows that reference it keep the old value,
attaches those rows to somebody else's, and no database would notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import FunctionType
from typing import Any

from replant.errors import ConfigurationError
from replant.model import (
    Dangling,
    PlannedColumn,
    PlannedTable,
    PythonFunction,
    RelationName,
    Settings,
    SqlExpression,
    Transform,
    readable,
)
from replant.model.references import Reference
from replant.plugins.guarded import GuardedFunction
from replant.selection.select import SelectedTables


def check_reference_ends(
    selected: SelectedTables,
    planned: Mapping[RelationName, PlannedTable],
    references: Iterable[Reference],
    outside: Mapping[RelationName, Dangling],
    settings: Settings,
) -> None:
    """Refuse references of exported tables of which one end is omitted or changed alone.

    Args:
        selected: the exported tables.
        planned: their columns, with the transforms.
        references: their foreign keys and declared references.
        outside: what is done about references to rows outside the export, by table.
        settings: say where the configuration says what is omitted.

    Raises:
        ConfigurationError: it names both ends of each such reference, and the setting.

    """
    problems = sorted(
        {
            f"{end.decided_by(settings)}: {problem}"
            for reference in references
            for end, problem in (
                _problems(selected, planned, reference)
                if reference.references in selected.tables
                else _problems_outside(
                    selected,
                    planned,
                    reference,
                    outside[reference.table],
                )
            )
        }
    )
    if problems:
        raise ConfigurationError("\n".join(problems))


def _problems(
    selected: SelectedTables,
    planned: Mapping[RelationName, PlannedTable],
    reference: Reference,
) -> Iterator[tuple[_End, str]]:
    for pair in reference.pairs:
        own = _End(selected, planned, reference.table, pair.column, by=reference)
        other = _End(selected, planned, reference.references, pair.referenced)
        if own.holds_nothing or own.is_treated_as(other):
            continue
        yield (
            own if own.is_treated else other,
            (
                f"the reference {reference} would lead to other rows: {own} {own.treatment}, and "
                f"{other} {other.treatment}; treat both ends alike"
            ),
        )
    if reference.only is not None:
        kind = _End(selected, planned, reference.table, reference.only.column)
        if kind.is_treated:
            yield (
                kind,
                (
                    f"the reference {reference} would lead to other tables: {kind} "
                    f"{kind.treatment}; leave it as it is"
                ),
            )


def _problems_outside(
    selected: SelectedTables,
    planned: Mapping[RelationName, PlannedTable],
    reference: Reference,
    dangling: Dangling,
) -> Iterator[tuple[_End, str]]:
    """Tell of changed references to a table that is not exported, so its rows keep their keys."""
    if dangling in (Dangling.EXPORT, Dangling.SET_NULL):
        return
    ends = [
        _End(selected, planned, reference.table, pair.column, by=reference)
        for pair in reference.pairs
    ]
    if reference.only:
        ends.append(_End(selected, planned, reference.table, reference.only.column))
    for own in ends:
        if own.transforms and not own.holds_nothing:
            yield (
                own,
                (
                    f"the reference {reference} would lead to other rows: {own} {own.treatment}, "
                    f"and {reference.references} is not exported, so its rows stay as they are; "
                    f"leave {own} as it is, export {reference.references} too, or say that the "
                    f"target has the rows that the new values mean: dangling = 'export' for "
                    f"{reference.table}"
                ),
            )


class _End:
    """A column at one end of a reference, and what an export does with it."""

    def __init__(
        self,
        selected: SelectedTables,
        planned: Mapping[RelationName, PlannedTable],
        table: RelationName,
        name: str,
        by: Reference | None = None,
    ) -> None:
        self._by = by
        self._name = f"{table}.{readable(name)}"
        self._registered = selected.registered[table]
        self._column = selected.tables[table].column(name)
        found = [column for column in planned[table].columns if column.name == name]
        self._planned: PlannedColumn | None = found[0] if found else None

    def __str__(self) -> str:
        return self._name

    @property
    def omitted(self) -> bool:
        """Whether it is left to its default; what the target computes follows its own columns."""
        writable = self._column is not None and self._column.writable
        return writable and self._planned is None

    @property
    def holds_nothing(self) -> bool:
        """Whether it is set to NULL or left to a default that is, which references no row."""
        column = self._column
        if self.omitted:
            return column is not None and not column.has_default
        last = self.transforms[-1:]
        return any(isinstance(t, SqlExpression) and t.sql.strip().upper() == "NULL" for t in last)

    @property
    def transforms(self) -> tuple[Transform, ...]:
        """How one referencing or referenced value changes."""
        chain = self._planned.transforms if self._planned else ()
        return tuple(one for step in chain for one in _of_reference(step, self._by))

    @property
    def treatment(self) -> str:
        """What an export does with it, as the end of a sentence."""
        if self.omitted:
            return "is left to its default (omit)"
        if self._planned is None or not self._planned.transforms:
            return "stays as it is"
        return f"is changed by {' and '.join(map(repr, self._planned.plugins))}"

    @property
    def is_treated(self) -> bool:
        """Whether it is omitted or changed."""
        return self.omitted or bool(self.transforms)

    def decided_by(self, settings: Settings) -> str:
        """Return the setting that omits it, or the plugin's that omits or changes it."""
        table = self._registered.registration.table
        if self.omitted and any(t.name == table and t.omit is not None for t in settings.tables):
            return f"{settings.path_of(table)}.omit"
        last = self._planned.plugins[-1] if self._planned and self._planned.plugins else None
        return f"plugins.{last or self._registered.plugin}"

    def is_treated_as(self, other: _End) -> bool:
        """Whether equal values stay equal; a default gives each row a value of its own."""
        if self.omitted or other.omitted:
            return False
        chain = self._planned.transforms if self._planned else ()
        of_array = self._by is not None and self._by.elements
        # No transform is the same for an array and for its elements, unless it says so.
        if of_array and not all(_is_of_elements(step, self._by) for step in chain):
            return False
        if len(self.transforms) != len(other.transforms):
            return False
        return all(map(_same_transform, self.transforms, other.transforms))


def _of_reference(transform: Transform, reference: Reference | None) -> Iterator[Transform]:
    """Yield what happens to a value where a column references this way; nothing if it stays."""
    cases = transform.cases if isinstance(transform, SqlExpression) else None
    only = None if reference is None else reference.only
    if cases is not None and only is not None and cases.column == only.column:
        yield from (one for value, one in cases.expressions if value == only.value)
    elif isinstance(transform, SqlExpression) and _is_of_elements(transform, reference):
        assert transform.element is not None
        yield transform.element
    else:
        yield transform


def _is_of_elements(transform: Transform, reference: Reference | None) -> bool:
    """Tell whether a column is an array of references, and each of its elements changes alike."""
    return (
        reference is not None
        and reference.elements
        and isinstance(transform, SqlExpression)
        and transform.element is not None
    )


def _same_transform(one: Transform, other: Transform) -> bool:
    if isinstance(one, PythonFunction) and isinstance(other, PythonFunction):
        return _same_function(one.function, other.function)
    return one == other


def _same_function(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    """Return whether two functions do the same, though a hook made each anew."""
    if isinstance(one, GuardedFunction) and isinstance(other, GuardedFunction):
        return one.plugin == other.plugin and _same_function(one.function, other.function)
    if isinstance(one, partial) and isinstance(other, partial):
        given = (one.args, one.keywords) == (other.args, other.keywords)
        return given and _same_function(one.func, other.func)
    if isinstance(one, FunctionType) and isinstance(other, FunctionType):
        return (one.__code__, one.__defaults__, one.__kwdefaults__, _enclosed(one)) == (
            other.__code__,
            other.__defaults__,
            other.__kwdefaults__,
            _enclosed(other),
        )
    return one == other


def _enclosed(function: FunctionType) -> tuple[Any, ...]:
    return tuple(cell.cell_contents for cell in function.__closure__ or ())
