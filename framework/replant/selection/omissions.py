"""Lists what is not exported, and warnings: nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from replant.errors import CatalogMismatchError
from replant.model import (
    Catalog,
    Column,
    Dangling,
    Finding,
    Omission,
    RelationName,
    Severity,
    Subject,
    Table,
    readable,
)
from replant.model.numbers import counted
from replant.model.table_differences import TableDifference
from replant.selection.counting import CountedSelection
from replant.selection.dangling import DanglingReferences
from replant.selection.declared_shapes import DeclaredShapes
from replant.selection.select import SelectedTables


def omissions(
    catalog: Catalog,
    selected: SelectedTables,
    counted: CountedSelection,
    changed: Mapping[RelationName, Collection[str]],
) -> Iterator[Omission]:
    """Yield everything of the covered schemas that is not exported, each with the reason.

    Args:
        catalog: what the source has.
        selected: the exported tables.
        counted: their rows.
        changed: the columns of each table whose values are changed on their way; an artifact, to
            which these words go, does not hold the values from before.

    """
    for name, table in selected.tables.items():
        yield from _columns(table, {column.name for column in selected.columns[name]})
    yield from _relations(catalog, selected, counted.unreached)
    for table in selected.tables.values():
        if table.rows_are_hidden:
            why = f"left out are rows that policies hide from the role {readable(catalog.role)}"
            yield Omission(f"rows of {table.named_with_policies}", why)
    for finding in counted.left_out:
        yield _left_out(finding, changed.get(finding.key.table, ()))
    for references, keys in _leaving(selected.tables).items():
        listed = ", ".join(keys)
        yield Omission(str(references), f"not exported, but referenced by {listed}")


def _left_out(finding: DanglingReferences, hidden: Collection[str]) -> Omission:
    what = f"{counted(finding.count, 'row')} of {finding.key.table}"
    return Omission(what, finding.told(hidden=hidden))


def warnings(
    selected: SelectedTables,
    counted: CountedSelection,
    known: DeclaredShapes,
    more: Sequence[TableDifference],
) -> Iterator[Finding]:
    """Yield warnings, which stop nothing: undeclared parts, and references that lead outside.

    Args:
        selected: what is exported.
        counted: its rows.
        known: what was declared and recorded of the tables.
        more: what the source has beyond it.

    """
    for difference in more:
        told = undeclared(difference, known, selected.tables)
        yield Finding(Subject.COLUMN, Severity.NOTE, str(difference.table), told)
    for name, table in selected.tables.items():
        shape = known.shapes.get(name)
        for column in table.columns if shape else ():
            declared = shape.column(column.name) if shape else None
            if declared is not None and declared.type != column.type:
                place = f"{name}.{readable(column.name)}"
                told = f"{place} is {column.type}; {_said(name, known)} for {declared.type}"
                yield Finding(Subject.TYPE, Severity.NOTE, place, told)
    yield from counted.unindexed
    for finding in counted.kept:
        way = "exported all the same"
        if counted.dangling[finding.key.table] is Dangling.SET_NULL:
            way = "the reference is set to NULL"
        place = str(finding.key.table)
        yield Finding(Subject.REFERENCE, Severity.NOTE, place, f"{way}: {finding}")


def check_declared(
    known: DeclaredShapes, selected: SelectedTables, more: Sequence[TableDifference]
) -> None:
    """Refuse an export of a source that has more than was declared.

    Raises:
        CatalogMismatchError: it names everything that was not declared.

    """
    if more:
        told = (undeclared(item, known, selected.tables) for item in more)
        named = "\n".join(f"  {line.partition(';')[0]}" for line in told)
        raise CatalogMismatchError(
            f"the source has more than was declared, and undeclared = 'fail'; update the plugin, "
            f"record it with replant drift --write, or choose undeclared = 'export' under "
            f"[export]:\n{named}"
        )


def undeclared(
    difference: TableDifference, known: DeclaredShapes, exported: Collection[RelationName]
) -> str:
    """Describe a column or table of the source that was not declared, as a sentence."""
    name = difference.table
    assert name is not None
    if difference.subject:
        what = f"{name}.{readable(difference.subject)} is not known to {_knower(name, known)}"
        return f"{what}; it is exported all the same"
    plugins = sorted({p for n, p in known.plugins.items() if n.schema == name.schema})
    knower = f"the plugin {plugins[0]!r}" if plugins else _THE_RECORD
    done = "it is exported all the same" if name in exported else "its rows are not exported"
    return f"{name} is not known to {knower}; {done}"


_THE_RECORD = "what replant drift --write recorded"


def _knower(name: RelationName, known: DeclaredShapes) -> str:
    plugin = known.plugins.get(name)
    return f"the plugin {plugin!r}" if plugin else _THE_RECORD


def _said(name: RelationName, known: DeclaredShapes) -> str:
    plugin = known.plugins.get(name)
    return f"the plugin {plugin!r} was written" if plugin else "it was recorded"


def _columns(table: Table, exported: set[str]) -> Iterator[Omission]:
    for column in table.columns:
        place = f"{table.name}.{readable(column.name)}"
        if column.name not in exported:
            yield Omission(place, _left_to_target(column))
        elif column.sequence is None and "nextval(" in (column.default or ""):
            why = "not moved: its default computes with it; set it past the largest value"
            yield Omission(f"the sequence of {place}", why)


def _left_to_target(column: Column) -> str:
    if column.generated:
        return "computed by the target"
    return f"left to its default in the target, here {column.default or 'NULL'}"


def _relations(
    catalog: Catalog, selected: SelectedTables, unreached: Collection[RelationName]
) -> Iterator[Omission]:
    """Yield the tables and views of the covered schemas that are not exported."""
    covered = {name.schema for name in selected.tables}
    for name, other in catalog.tables.items():
        if name.schema in covered and name not in selected.tables and not other.is_partition:
            kind = other.kind.name.lower().replace("_", " ")
            why = "that no enabled plugin registers"
            if name in selected.excluded:
                why = f"excluded by the configuration: {selected.excluded[name]}"
            if other.extension is not None:
                why = f"of the extension {other.extension!r}, which fills it in the target too"
            if name in unreached:
                why = "that no reference leads to from the chosen rows"
            yield Omission(str(name), f"a {kind} {why}")


def _leaving(tables: Mapping[RelationName, Table]) -> dict[RelationName, list[str]]:
    """Group the foreign keys that lead to tables which are not exported, by that table."""
    leaving: dict[RelationName, list[str]] = {}
    for table in tables.values():
        for key in table.foreign_keys:
            if key.references not in tables:
                leaving.setdefault(key.references, []).append(str(key))
    return dict(sorted(leaving.items()))
