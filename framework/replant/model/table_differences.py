"""Compares the shapes of tables; pure, and used by several commands.

One picture says what something was made for: an artifact, a plugin's declarations, a recorded
file. The other is what a database has. What the first does not say is not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from enum import Enum

from attrs import evolve, frozen

from replant.model.catalog import Identity
from replant.model.names import RelationName
from replant.model.table_shape import ColumnShape, Keys, ShapeReference, TableShape, quoted
from replant.model.types import CompositeType, DefinedType, DomainType, EnumType


class DifferenceKind(Enum):
    """How the picture of a database differs from what something was made for."""

    TABLE_MISSING = "table-missing"
    TABLE_RENAMED = "table-renamed"
    TABLE_ADDED = "table-added"
    NO_TABLE = "no-table"
    COLUMN_MISSING = "column-missing"
    COLUMN_ADDED = "column-added"
    COLUMN_TYPE = "column-type"
    COLUMN_NOT_NULL = "column-not-null"
    COLUMN_NULLABLE = "column-nullable"
    COLUMN_GENERATED = "column-generated"
    COLUMN_NOT_GENERATED = "column-not-generated"
    COLUMN_IDENTITY = "column-identity"
    PRIMARY_KEY = "primary-key"
    UNIQUE_MISSING = "unique-key-missing"
    UNIQUE_ADDED = "unique-key-added"
    FOREIGN_KEY_MISSING = "foreign-key-missing"
    FOREIGN_KEY_ADDED = "foreign-key-added"
    LABEL_MISSING = "enum-label-missing"
    LABEL_ADDED = "enum-label-added"
    DOMAIN = "domain"
    TYPE = "type"


@frozen
class TableDifference:
    """One difference.

    Attributes:
        table: the table; None for one of a type.
        subject: the column, or the type where there is no table; empty for the table itself and
            its keys.
        wanted: what was wanted, in words; empty where nothing was.
        found: what is there, in words; empty where nothing is.
        shape: the column that is there, where there is one.
        key: the foreign key that is missing or new.

    """

    change: DifferenceKind
    table: RelationName | None
    subject: str = ""
    wanted: str = ""
    found: str = ""
    shape: ColumnShape | None = None
    key: ShapeReference | None = None


#: The least likeness of a table's columns with those of another to take it for the same, renamed.
_ALIKE = 0.5


def likely_renames(
    wanted: Mapping[RelationName, TableShape], spare: Mapping[RelationName, TableShape]
) -> dict[RelationName, RelationName]:
    """Guess the new names of tables that are missing, each among tables that are not used yet.

    Tables are alike by the columns that they share; among equals the nearer name is taken.

    Args:
        wanted: the tables that are gone.
        spare: the tables that are there, and that nothing else is said of.

    """
    alike = [
        (likeness, name_likeness, name, other)
        for name, shape in wanted.items()
        for other, live in spare.items()
        if live.is_table
        and (likeness := _likeness(shape, live)) >= _ALIKE
        and (name_likeness := SequenceMatcher(None, str(name), str(other)).ratio())
    ]
    renames: dict[RelationName, RelationName] = {}
    for _, _, name, other in sorted(alike, key=lambda a: (-a[0], -a[1], a[2], a[3])):
        if name not in renames and other not in renames.values():
            renames[name] = other
    return renames


def _likeness(one: TableShape, other: TableShape) -> float:
    own, theirs = ({(c.name, c.type) for c in shape.columns} for shape in (one, other))
    return len(own & theirs) / max(1, len(own | theirs))


def table_differences(
    wanted: Mapping[RelationName, TableShape],
    found: Mapping[RelationName, TableShape],
    renames: Mapping[RelationName, RelationName] | None = None,
) -> Iterator[TableDifference]:
    """Compare tables, in the order of those that are wanted; tables not wanted are no difference.

    What follows from another difference is none of its own: a key of a column that is missing, a
    foreign key to a table that is missing.

    Args:
        wanted: what was wanted, by table.
        found: what is there, by table.
        renames: the tables that have another name there.

    """
    renames = renames or {}
    there = {name: found.get(renames.get(name, name)) for name in wanted}
    moved = _Moved(
        renames,
        frozenset(name for name, live in there.items() if live is None),
        {n: _new_names(wanted[n], live) for n, live in there.items() if live is not None},
        {n: _lost(wanted[n], live) for n, live in there.items() if live is not None},
    )
    for name, shape in wanted.items():
        live = there[name]
        if live is None:
            yield TableDifference(DifferenceKind.TABLE_MISSING, name)
        elif not live.is_table:
            yield TableDifference(DifferenceKind.NO_TABLE, name)
        else:
            if name in renames:
                yield TableDifference(DifferenceKind.TABLE_RENAMED, name, found=str(renames[name]))
            yield from _column_differences(name, shape, live, moved.columns[name])
            if shape.keys is not None and live.keys is not None:
                yield from _key_differences(name, moved.keys(name, shape.keys), live.keys)


@frozen
class _Moved:
    """What is there under another name, and what is gone.

    Attributes:
        tables: the tables that have another name there.
        gone: the tables that are not there.
        columns: the likely new names of columns, by table.
        lost: the columns that are not there under any name, by table.

    """

    tables: Mapping[RelationName, RelationName]
    gone: frozenset[RelationName]
    columns: Mapping[RelationName, Mapping[str, str]]
    lost: Mapping[RelationName, frozenset[str]]

    def keys(self, table: RelationName, keys: Keys) -> Keys:
        """Return the keys as they would be with new names and without missing columns."""
        foreign = {
            ShapeReference(
                self._there(table, key.columns),
                self.tables.get(key.references, key.references),
                self._there(key.references, key.referenced_columns),
            )
            for key in keys.foreign
            if key.references not in self.gone
            and self._is_there(table, key.columns)
            and self._is_there(key.references, key.referenced_columns)
        }
        unique = {self._there(table, key) for key in keys.unique if self._is_there(table, key)}
        known = keys.primary is not None and self._is_there(table, keys.primary)
        primary = self._there(table, keys.primary or ()) if known else None
        return Keys(primary, frozenset(unique), frozenset(foreign))

    def _is_there(self, table: RelationName, columns: Iterable[str]) -> bool:
        return self.lost.get(table, frozenset()).isdisjoint(columns)

    def _there(self, table: RelationName, columns: Iterable[str]) -> tuple[str, ...]:
        new_names = self.columns.get(table, {})
        return tuple(new_names.get(name, name) for name in columns)


def _new_names(wanted: TableShape, found: TableShape) -> dict[str, str]:
    """Guess new names of columns: one column of a kind is missing, and one of that kind is new."""
    gone, new = (
        _by_kind(column for column in one.columns if other.column(column.name) is None)
        for one, other in ((wanted, found), (found, wanted))
    )
    return {
        names[0]: new[kind][0]
        for kind, names in gone.items()
        if len(names) == len(new.get(kind, ())) == 1
    }


def _by_kind(columns: Iterable[ColumnShape]) -> dict[ColumnShape, list[str]]:
    """Group the names of columns that differ only in their names."""
    kinds: dict[ColumnShape, list[str]] = {}
    for column in columns:
        kinds.setdefault(evolve(column, name=""), []).append(column.name)
    return kinds


def _lost(wanted: TableShape, found: TableShape) -> frozenset[str]:
    gone = {column.name for column in wanted.columns if found.column(column.name) is None}
    return frozenset(gone - _new_names(wanted, found).keys())


def _column_differences(
    name: RelationName, wanted: TableShape, found: TableShape, new_names: Mapping[str, str]
) -> Iterator[TableDifference]:
    there = {column.name: column for column in found.columns}
    redefined = _redefined(wanted, found)
    for column in wanted.columns:
        live = there.pop(column.name, None)
        if live is None:
            new_name = new_names.get(column.name, "")
            yield TableDifference(
                DifferenceKind.COLUMN_MISSING, name, column.name, column.type, new_name
            )
        else:
            yield from _differences_of_column(name, column, live, redefined)
    for live in there.values():
        yield TableDifference(
            DifferenceKind.COLUMN_ADDED, name, live.name, found=live.type, shape=live
        )


def _redefined(wanted: TableShape, found: TableShape) -> frozenset[str]:
    """Return the domains that changed; NULL is reported for the domain, not for its columns."""
    there = {type_.name: type_ for type_ in found.types}
    return frozenset(
        type_.name
        for type_ in wanted.types
        if type_.name in there and not _is_as_said(type_, there[type_.name])
    )


def _differences_of_column(
    table: RelationName, wanted: ColumnShape, found: ColumnShape, redefined: frozenset[str]
) -> Iterator[TableDifference]:
    def difference(change: DifferenceKind, was: str, is_: str) -> TableDifference:
        return TableDifference(change, table, wanted.name, was, is_, found)

    if wanted.type != found.type:
        yield difference(DifferenceKind.COLUMN_TYPE, wanted.type, found.type)
    if wanted.generated != found.generated:
        kind = (
            DifferenceKind.COLUMN_GENERATED
            if found.generated
            else DifferenceKind.COLUMN_NOT_GENERATED
        )
        yield difference(kind, _GENERATED[wanted.generated], _GENERATED[found.generated])
    if wanted.identity is not found.identity:
        was, is_ = (_IDENTITY[column.identity] for column in (wanted, found))
        yield difference(DifferenceKind.COLUMN_IDENTITY, was, is_)
    if wanted.not_null != found.not_null and wanted.type not in redefined:
        kind = DifferenceKind.COLUMN_NOT_NULL if found.not_null else DifferenceKind.COLUMN_NULLABLE
        yield difference(kind, _NULL[wanted.not_null], _NULL[found.not_null])


_GENERATED = {True: "generated", False: "not generated"}
_NULL = {True: "NOT NULL", False: "may be NULL"}
_IDENTITY = {
    Identity.NONE: "no identity column",
    Identity.ALWAYS: "GENERATED ALWAYS AS IDENTITY",
    Identity.BY_DEFAULT: "GENERATED BY DEFAULT AS IDENTITY",
}


def _key_differences(name: RelationName, wanted: Keys, found: Keys) -> Iterator[TableDifference]:
    if wanted.primary not in (None, found.primary):
        was, is_ = (_listed(key) if key else "none" for key in (wanted.primary, found.primary))
        yield TableDifference(DifferenceKind.PRIMARY_KEY, name, wanted=was, found=is_)
    for unique in sorted(wanted.unique - found.unique):
        yield TableDifference(DifferenceKind.UNIQUE_MISSING, name, wanted=_listed(unique))
    for unique in sorted(found.unique - wanted.unique):
        yield TableDifference(DifferenceKind.UNIQUE_ADDED, name, found=_listed(unique))
    for key in sorted(wanted.foreign - found.foreign):
        yield TableDifference(DifferenceKind.FOREIGN_KEY_MISSING, name, wanted=_arrow(key), key=key)
    for key in sorted(found.foreign - wanted.foreign):
        yield TableDifference(DifferenceKind.FOREIGN_KEY_ADDED, name, found=_arrow(key), key=key)


def _arrow(key: ShapeReference) -> str:
    return f"{_listed(key.columns)} → {key.references}{_listed(key.referenced_columns)}"


def _listed(names: Iterable[str]) -> str:
    return f"({', '.join(map(quoted, names))})"


def type_differences(
    wanted: Iterable[DefinedType], found: Mapping[str, DefinedType]
) -> Iterator[TableDifference]:
    """Compare types of the same name; a missing type shows as a difference of its columns."""
    for one in wanted:
        other = found.get(one.name)
        if other is None or one == other:
            continue
        if isinstance(one, EnumType) and isinstance(other, EnumType):
            yield from _label_differences(one, other)
        elif not _is_as_said(one, other):
            kind = DifferenceKind.DOMAIN if isinstance(one, DomainType) else DifferenceKind.TYPE
            yield TableDifference(kind, None, one.name, in_words(one), in_words(other))


def _is_as_said(wanted: DefinedType, found: DefinedType) -> bool:
    """Return whether the types are equal, except for CHECK constraints that are not declared."""
    if isinstance(wanted, DomainType) and isinstance(found, DomainType) and wanted.checks is None:
        return evolve(found, checks=None) == wanted
    return found == wanted


def _label_differences(wanted: EnumType, found: EnumType) -> Iterator[TableDifference]:
    """Find labels that are missing or new; their order matters to no value."""
    for label in wanted.labels:
        if label not in found.labels:
            yield TableDifference(DifferenceKind.LABEL_MISSING, None, wanted.name, wanted=label)
    for label in found.labels:
        if label not in wanted.labels:
            yield TableDifference(DifferenceKind.LABEL_ADDED, None, wanted.name, found=label)


def in_words(type_: DefinedType) -> str:
    """Describe a type's definition on one line."""
    match type_:
        case EnumType(labels=labels):
            return f"an enum of {', '.join(map(repr, labels))}"
        case DomainType(base=base, not_null=not_null, checks=checks):
            words = [f"a domain over {base}", *(["NOT NULL"] if not_null else []), *(checks or ())]
            return " ".join(words)
        case CompositeType(attributes=attributes):
            return f"({', '.join(f'{quoted(name)} {kind}' for name, kind in attributes)})"
