"""Decides which columns are masked, and how, from the settings and the foreign keys.

A column takes along every column that references it or that it references, over any number of
foreign keys: all of them get the same mask, or none could be joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from replant.config.mistakes import Mistakes
from replant.config.read_settings import path_below
from replant.model import (
    Catalog,
    Column,
    RelationName,
    Table,
    TableSettings,
    Transform,
    readable,
)
from replant.model.names import did_you_mean
from replant_plugins.transforms.make_masks import make_mask, plain_type
from replant_plugins.transforms.mask_choice import MaskChoice, spreads
from replant_plugins.transforms.mask_kinds import KEEP
from replant_plugins.transforms.mask_settings import PATH, MaskSettings

Place = tuple[RelationName, str]


@frozen
class _Configured:
    """A kind of mask for a column, and the path in the configuration that says so."""

    choice: MaskChoice
    path: str


def masks_of(
    catalog: Catalog, asked: MaskSettings, tables: Sequence[TableSettings]
) -> Iterator[tuple[Place, Transform]]:
    """Yield the masked columns, with the mask of each.

    Raises:
        ConfigurationError: it names every mistake in the settings and every column that cannot be
            masked as they say, with the reason.

    """
    mistakes = Mistakes()
    chosen = _chosen(catalog, asked, tables, mistakes)
    made: list[tuple[Place, Transform]] = []
    for places, choice in _groups(catalog, chosen, mistakes):
        members = [(catalog.tables[table], _column(catalog, table, name)) for table, name in places]
        with mistakes.collecting():
            made += zip(places, make_mask(catalog, members, choice, asked), strict=True)
    mistakes.check()
    yield from made


def _column(catalog: Catalog, table: RelationName, name: str) -> Column:
    column = catalog.tables[table].column(name)
    assert column is not None
    return column


def _chosen(
    catalog: Catalog, asked: MaskSettings, tables: Sequence[TableSettings], mistakes: Mistakes
) -> dict[Place, _Configured]:
    """Return what is configured for each column: for the table, by pattern, or by type."""
    by_type = dict(_by_type(catalog, asked, mistakes))
    by_pattern = dict(_by_pattern(catalog, asked, mistakes))
    by_table = dict(_by_table(catalog, tables, mistakes))
    return {**by_type, **by_pattern, **by_table}


def _by_table(
    catalog: Catalog, tables: Sequence[TableSettings], mistakes: Mistakes
) -> Iterator[tuple[Place, _Configured]]:
    for number, change in enumerate(tables):
        table = catalog.tables.get(change.name)
        for name, text in change.mask.items():
            path = f"tables[{number}].mask.{name}"
            if table is None or table.column(name) is None:
                present = [column.name for column in table.columns] if table else []
                meant = did_you_mean(name, present)
                mistakes.add(f"{path}: {change.name} has no column {name!r}{meant}")
                continue
            try:
                yield (change.name, name), _Configured(MaskChoice.parse(text), path)
            except ValueError as error:
                mistakes.add(f"{path}: {error}")


def _by_pattern(
    catalog: Catalog, asked: MaskSettings, mistakes: Mistakes
) -> Iterator[tuple[Place, _Configured]]:
    found: dict[Place, _Configured] = {}
    for pattern, choice in asked.columns.items():
        path = path_below(f"{PATH}.columns", str(pattern))
        for table, column in _maskable(catalog):
            if not pattern.matches(table.name, column.name):
                continue
            place = (table.name, column.name)
            other = found.setdefault(place, _Configured(choice, path))
            if other.choice != choice:
                mistakes.add(
                    f"{path}: {_written(place)} is masked otherwise by {other.path}; say its "
                    f"kind under [[tables]] mask"
                )
    yield from found.items()


def _by_type(
    catalog: Catalog, asked: MaskSettings, mistakes: Mistakes
) -> Iterator[tuple[Place, _Configured]]:
    for type_, choice in asked.types.items():
        path = path_below(f"{PATH}.types", type_)
        matched = [
            (table.name, column.name)
            for table, column in _maskable(catalog)
            if type_ in (column.type, plain_type(catalog, column).name)
        ]
        if not matched:
            mistakes.add(f"{path}: no column has this type, as in public.email_address or text")
        for place in matched:
            yield place, _Configured(choice, path)


def _maskable(catalog: Catalog) -> Iterator[tuple[Table, Column]]:
    """Yield the columns of tables that can be exported, but for computed ones."""
    for table in catalog.tables.values():
        if table.kind.holds_rows and not table.is_partition and table.extension is None:
            yield from ((table, column) for column in table.columns if column.writable)


def _groups(
    catalog: Catalog, chosen: Mapping[Place, _Configured], mistakes: Mistakes
) -> Iterator[tuple[list[Place], MaskChoice]]:
    """Yield the columns that get one mask, and what it is."""
    if not chosen:
        return
    joined = _joined_columns(catalog)
    done: set[Place] = set()
    for place, configured in sorted(chosen.items(), key=lambda item: item[0]):
        if place in done:
            continue
        if not spreads(configured.choice):
            if configured.choice.kind != KEEP:
                yield [place], configured.choice
            continue
        group = joined.get(place, [place])
        done.update(group)
        yield group, configured.choice
        mistakes.add(
            *(
                f"{other.path}: {_written(member)} holds the same keys as {_written(place)}, which "
                f"is masked by {configured.path}; give both the same kind"
                for member in group
                if (other := chosen.get(member)) and other.choice != configured.choice
            )
        )


def _joined_columns(catalog: Catalog) -> dict[Place, list[Place]]:
    """Return, for each column of a foreign key, the columns that hold the same keys."""
    # Most exports mask nothing, and need not wait 0.1 s for the import.
    import networkx as nx  # noqa: PLC0415

    graph: nx.Graph[Place] = nx.Graph()
    for table in catalog.tables.values():
        for key in table.foreign_keys:
            for own, other in zip(key.columns, key.referenced_columns, strict=True):
                if key.references in catalog.tables:
                    graph.add_edge((table.name, own), (key.references, other))
    groups = (sorted(group) for group in nx.connected_components(graph))
    return {place: group for group in groups for place in group}


def _written(place: Place) -> str:
    return f"{place[0]}.{readable(place[1])}"
