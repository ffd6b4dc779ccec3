"""Decides which columns get new values, so that no row of a clone has a key of the original.

Columns that reference each other hold the same values, and change alike. A unique key needs one
column that changes; one that is not told how is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve, frozen

from replant.config.toml_tables import path_below
from replant.errors import ConfigurationError
from replant.model import (
    AmongShared,
    Cases,
    Catalog,
    Column,
    ExportedTables,
    RelationName,
    SqlExpression,
    Table,
    Transform,
    by_case,
    of_elements,
    readable,
)
from replant.model.ownership import Ownership
from replant_plugins.transforms.new_keys import INTEGERS, integer_from, moved_integer, new_uuid
from replant_plugins.transforms.renumber_settings import PATH, RenumberSettings

Place = tuple[RelationName, str]

#: The expression of a column that may hold the same value in a clone.
_SAME = "value"


@frozen
class _ColumnGroup:
    """Columns that hold the same values.

    Attributes:
        places: the columns.
        keys: those of them whose values the others reference, and that reference none themselves.

    """

    places: tuple[Place, ...]
    keys: tuple[Place, ...]


class Renumbering:
    """The new values of the columns of an export.

    Args:
        catalog: what the source has.
        exported: the tables of the export.
        asked: how new values are made.

    """

    def __init__(self, catalog: Catalog, exported: ExportedTables, asked: RenumberSettings) -> None:
        self._catalog = catalog
        self._exported = exported
        self._asked = asked
        self._problems: list[str] = []
        self._groups = dict(_groups(exported))
        self._said = dict(self._expressions())
        self._changed: dict[_ColumnGroup, SqlExpression] = {}
        self._untold: set[_ColumnGroup] = set()
        self._same: set[Place] = set()

    def transforms(self) -> Iterator[tuple[Place, Transform]]:
        """Yield the columns that change, with what makes the new values.

        Raises:
            ConfigurationError: it names every mistake in the settings, and every unique key of
                owned rows that would stay as it is.

        """
        if self._asked.offset and self._asked.start is not None:
            self._problems.append(f"{PATH}.start: offset is there, too; give one of the two")
        self._change_as_said()
        keys = [(table, key) for table in self._tables_with_owned_rows() for key in _keys(table)]
        # A key of several columns needs no more than one that a key of one column changes.
        for table, key in sorted(keys, key=lambda item: len(item[1])):
            if not self._is_new(table, key):
                self._renew(table, key)
        self._problems += [
            self._missing(table, key) for table, key in keys if not self._is_new(table, key)
        ]
        if self._problems:
            raise ConfigurationError("\n".join(dict.fromkeys(self._problems)))
        yield from self._of_columns()
        yield from self._of_elements()
        yield from self._of_cases()

    # -- what is said ------------------------------------------------------------------------------

    def _expressions(self) -> Iterator[tuple[Place, tuple[str, str]]]:
        """Yield the columns with an expression, which comes with its path in the configuration."""
        found: dict[Place, str] = {}
        for pattern, expression in self._asked.columns.items():
            path = path_below(f"{PATH}.columns", str(pattern))
            places = [
                (name, column.name)
                for name in self._exported.ownership
                for column in self._catalog.tables[name].columns
                if pattern.matches(name, column.name)
            ]
            if not expression.strip():
                self._problems.append(f"{path}: must not be empty; 'value' lets the value be")
                continue
            if not places:
                self._problems.append(
                    f"{path}: matches no column of an exported table; a pattern is of "
                    f"schema.table.column"
                )
            for place in places:
                other = found.setdefault(place, path)
                if other != path:
                    self._problems.append(f"{path}: {other} matches {_written(place)}, too")
                yield place, (expression, path)

    def _change_as_said(self) -> None:
        for place, (expression, path) in self._said.items():
            if expression.strip() == _SAME:
                self._same.add(place)
                continue
            if self._exported.ownership[place[0]] is Ownership.SHARED:
                self._problems.append(
                    f"{path}: the rows of {place[0]} are shared, and stay as they are"
                )
                continue
            if place[1] not in self._exported.columns[place[0]]:
                self._problems.append(f"{path}: {_written(place)} is not exported")
                continue
            group = self._group(place)
            other = self._changed.get(group)
            made = SqlExpression(expression, "by expression", keeps_apart=self._is_key(place))
            if other is not None and other != self._unless_shared(group, made):
                self._problems.append(
                    f"{path}: {_written(place)} holds the same values as another column, which "
                    f"has another expression"
                )
            self._changed[group] = self._unless_shared(group, made)

    def _is_key(self, place: Place) -> bool:
        return (place[1],) in _keys(self._catalog.tables[place[0]])

    # -- keys --------------------------------------------------------------------------------------

    def _tables_with_owned_rows(self) -> Iterator[Table]:
        for name, ownership in self._exported.ownership.items():
            if ownership is not Ownership.SHARED:
                yield self._catalog.tables[name]

    def _is_new(self, table: Table, key: Iterable[str]) -> bool:
        """Tell whether a key gets another value, by one of its columns or by a default."""
        exported = self._exported.columns[table.name]
        for name in key:
            column = table.column(name)
            place = (table.name, name)
            group = self._group(place)
            if place in self._same or group in self._changed or group in self._untold:
                return True
            if name not in exported and column is not None and column.writable:
                return True
        return False

    def _renew(self, table: Table, key: tuple[str, ...]) -> None:
        """Let a column of a key change, if one can without being told how."""
        if len(key) > 1 and self._exported.ownership[table.name] is Ownership.EACH:
            return  # of a part of a key nothing tells whether it is of a shared row
        exported = [name for name in key if name in self._exported.columns[table.name]]
        own = [n for n in exported if (table.name, n) in self._group((table.name, n)).keys]
        for kinds in (("uuid",), INTEGERS):
            for name in reversed(own):
                group = self._group((table.name, name))
                column = table.column(name)
                if column is None or _base(column) not in kinds or not self._is_owned(group):
                    continue
                made = self._made(column, (table.name, name))
                if made is None:
                    self._untold.add(group)
                else:
                    self._changed[group] = self._unless_shared(group, made)
                return

    def _is_owned(self, group: _ColumnGroup) -> bool:
        """Tell whether all keys of a group are those of tables with owned rows."""
        ownership = self._exported.ownership
        found = {ownership.get(name, Ownership.SHARED) for name, _ in group.keys}
        return Ownership.SHARED not in found

    def _made(self, column: Column, place: Place) -> SqlExpression | None:
        """Return what makes new keys of a type; without a setting for it there is a problem."""
        if _base(column) == "uuid":
            if self._asked.namespace:
                return new_uuid(self._asked.namespace)
            missing, what = "namespace", "a uuid or any text, from which new uuids are made"
        else:
            if self._asked.offset:
                return moved_integer(self._asked.offset, _base(column))
            if self._asked.start is not None:
                return integer_from(self._asked.start, self._group(place).keys, _base(column))
            missing = "offset"
            what = "a number that is added to integer keys, greater than all; or give a start"
        self._problems.append(f"{PATH}.{missing}: is missing, for {_written(place)}: {what}")
        return None

    def _missing(self, table: Table, key: tuple[str, ...]) -> str:
        listed = ", ".join(map(readable, key))
        path = f'{PATH}.columns."{_written((table.name, key[-1]))}"'
        return (
            f"{path}: is missing: ({listed}) is unique in {table.name}, and would be the same in "
            f"the clone; give an SQL expression over value, such as \"value || '-2'\", or "
            f"'{_SAME}' if it may stay"
        )

    # -- what changes ------------------------------------------------------------------------------

    def _group(self, place: Place) -> _ColumnGroup:
        return self._groups.get(place) or _ColumnGroup((place,), (place,))

    def _unless_shared(self, group: _ColumnGroup, made: SqlExpression) -> SqlExpression:
        """Let the values of shared rows stay."""
        mixed = [p for p in group.keys if self._exported.ownership.get(p[0]) is Ownership.EACH]
        unless = []
        for name, column in mixed:
            key = self._catalog.tables[name].primary_key
            alone = len(group.places) == 1 and not self._is_key((name, column))
            by_row = key if alone else ()
            unless.append(AmongShared(name, by_row or (column,), by_row))
        return evolve(made, unless=tuple(unless))

    def _of_columns(self) -> Iterator[tuple[Place, Transform]]:
        for group, made in self._changed.items():
            yield from ((place, made) for place in group.places)

    def _of_elements(self) -> Iterator[tuple[Place, Transform]]:
        for reference in self._exported.references:
            if reference.elements:
                (pair,) = reference.pairs
                made = self._changed.get(self._group((reference.references, pair.referenced)))
                if made is not None:
                    yield (reference.table, pair.column), of_elements(made)

    def _of_cases(self) -> Iterator[tuple[Place, Transform]]:
        cases: defaultdict[tuple[Place, str], dict[str, SqlExpression]] = defaultdict(dict)
        for reference in self._exported.references:
            for pair in reference.pairs if reference.only else ():
                made = self._changed.get(self._group((reference.references, pair.referenced)))
                if made is not None and reference.only is not None:
                    place = (reference.table, pair.column)
                    cases[place, reference.only.column][reference.only.value] = made
        for (place, column), made_by_value in cases.items():
            yield place, by_case(Cases(column, tuple(made_by_value.items())))


def _groups(exported: ExportedTables) -> Iterator[tuple[Place, _ColumnGroup]]:
    """Yield, for each column of a reference to plain values, the columns with the same values."""
    # Most exports renumber nothing, and need not wait 0.1 s for the import.
    import networkx as nx  # noqa: PLC0415

    graph: nx.DiGraph[Place] = nx.DiGraph()
    for reference in exported.references:
        for pair in reference.pairs if not (reference.elements or reference.only) else ():
            own, other = (reference.table, pair.column), (reference.references, pair.referenced)
            if own != other:
                graph.add_edge(own, other)
    for places in nx.weakly_connected_components(graph):
        keys = [place for place in places if not graph.out_degree(place)]
        # In a circle each column references another.
        keys = keys or [place for place in places if graph.in_degree(place)]
        group = _ColumnGroup(tuple(sorted(places)), tuple(sorted(keys)))
        yield from ((place, group) for place in places)


def _keys(table: Table) -> list[tuple[str, ...]]:
    """Return the columns of everything that lets no two rows be alike, each once."""
    keys = [table.primary_key, *table.unique_keys, *(i.columns for i in table.unique_indexes)]
    found: Mapping[frozenset[str], tuple[str, ...]] = {frozenset(key): key for key in keys if key}
    return list(found.values())


def _base(column: Column) -> str:
    return column.base_type or column.type


def _written(place: Place) -> str:
    return f"{place[0]}.{readable(place[1])}"
