"""Decides which columns are masked, and how, from the settings and the foreign keys.

A column takes along every column that references it or that it references, over any number of
foreign keys: all of them get the same mask, or none could be joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from replant.config.mistakes import Mistakes
from replant.config.toml_tables import path_below
from replant.model import (
    Catalog,
    Column,
    ExportedTables,
    RelationName,
    Table,
    TableSettings,
    Transform,
    readable,
)
from replant.model.names import did_you_mean
from replant_plugins.transforms.json_masks import JSON_TYPES, json_mask
from replant_plugins.transforms.json_paths import JsonPath, split_path
from replant_plugins.transforms.make_masks import make_mask
from replant_plugins.transforms.mask_choice import MaskChoice, spreads
from replant_plugins.transforms.mask_kinds import KEEP
from replant_plugins.transforms.mask_settings import PATH, MaskSettings
from replant_plugins.transforms.plain_types import plain_type
from replant_plugins.transforms.row_owners import RowOwners

Place = tuple[RelationName, str]


@frozen
class _Configured:
    """A kind of mask for a column, and the path in the configuration that says so."""

    choice: MaskChoice
    path: str


#: A column, with a path into the JSON that it holds or None for the whole value.
_Target = tuple[Place, JsonPath | None]

_Wholes = dict[Place, _Configured]
_Inner = dict[Place, dict[JsonPath, _Configured]]


def masks_of(
    catalog: Catalog,
    asked: MaskSettings,
    tables: Sequence[TableSettings],
    exported: ExportedTables,
) -> Iterator[tuple[Place, Transform]]:
    """Yield the masked columns of exported tables, with the mask of each.

    Raises:
        ConfigurationError: it names every mistake in the settings and every column that cannot be
            masked as they say, with the reason.

    """
    mistakes = Mistakes()
    wholes, inner = _chosen(catalog, asked, tables, mistakes)
    joined = _joined_columns(catalog) if wholes or inner else {}
    owners = RowOwners(catalog, exported)
    made: list[tuple[Place, Transform]] = []
    for places, choice in _groups(joined, wholes, mistakes):
        members = [(catalog.tables[table], _column(catalog, table, name)) for table, name in places]
        with mistakes.collecting():
            made += zip(places, make_mask(members, choice, asked, owners), strict=True)
    for (table, name), paths in inner.items():
        own = _column(catalog, table, name)
        choices = {path: configured.choice for path, configured in paths.items()}
        with mistakes.collecting():
            mask = json_mask(
                (table, own, plain_type(catalog, own)),
                choices,
                asked,
                owners,
                is_key=(table, name) in joined,
            )
            made.append(((table, name), mask))
    mistakes.check()
    yield from made


def _column(catalog: Catalog, table: RelationName, name: str) -> Column:
    column = catalog.tables[table].column(name)
    assert column is not None
    return column


def _chosen(
    catalog: Catalog, asked: MaskSettings, tables: Sequence[TableSettings], mistakes: Mistakes
) -> tuple[_Wholes, _Inner]:
    """Return what is configured for each column, and for values inside it.

    What is said for the table goes before patterns, and patterns before types.
    """
    wholes: _Wholes = {}
    inner: _Inner = {}
    for said in (
        dict(_by_table(catalog, tables, mistakes)),
        dict(_by_pattern(catalog, asked, mistakes)),
        dict(_by_type(catalog, asked, mistakes)),
    ):
        _add(said, wholes, inner, mistakes)
    return wholes, inner


def _add(
    said: Mapping[_Target, _Configured], wholes: _Wholes, inner: _Inner, mistakes: Mistakes
) -> None:
    """Add what one part of the settings says of columns that no part before it says it of."""
    earlier = {*wholes, *inner}
    for (place, path), configured in said.items():
        if place in wholes and place in earlier:
            continue
        if path is not None and (place, None) in said:
            mistakes.add(
                f"{configured.path}: {said[place, None].path} masks the whole of {_written(place)}"
            )
        elif path is not None:
            inner.setdefault(place, {}).setdefault(path, configured)
        elif place not in inner:
            wholes[place] = configured


def _by_table(
    catalog: Catalog, tables: Sequence[TableSettings], mistakes: Mistakes
) -> Iterator[tuple[_Target, _Configured]]:
    for number, change in enumerate(tables):
        table = catalog.tables.get(change.name)
        present = [column.name for column in table.columns] if table else []
        for written, text in change.mask.items():
            at = path_below(f"tables[{number}].mask", written)
            try:
                name, path = (written, None) if written in present else split_path(written)
                if name not in present:
                    meant = did_you_mean(name, present)
                    mistakes.add(f"{at}: {change.name} has no column {name!r}{meant}")
                    continue
                yield ((change.name, name), path), _Configured(MaskChoice.parse(text), at)
            except ValueError as error:
                mistakes.add(f"{at}: {error}")


def _by_pattern(
    catalog: Catalog, asked: MaskSettings, mistakes: Mistakes
) -> Iterator[tuple[_Target, _Configured]]:
    found: dict[_Target, _Configured] = {}
    for pattern, choice in asked.columns.items():
        at = path_below(f"{PATH}.columns", str(pattern))
        matched = [
            (table.name, column.name)
            for table, column in _maskable(catalog)
            if pattern.matches(table.name, column.name)
            and (pattern.path is None or _holds_json(catalog, column))
        ]
        if pattern.path is not None and not matched:
            mistakes.add(f"{at}: matches no column of type json or jsonb")
        for place in matched:
            other = found.setdefault((place, pattern.path), _Configured(choice, at))
            if other.choice != choice:
                mistakes.add(
                    f"{at}: {_written(place)} is masked otherwise by {other.path}; say its "
                    f"kind under [[tables]] mask"
                )
    yield from found.items()


def _by_type(
    catalog: Catalog, asked: MaskSettings, mistakes: Mistakes
) -> Iterator[tuple[_Target, _Configured]]:
    for type_, choice in asked.types.items():
        at = path_below(f"{PATH}.types", str(type_))
        matched = [
            (table.name, column.name)
            for table, column in _maskable(catalog)
            if type_.name in (column.type, plain_type(catalog, column).name)
        ]
        if not matched:
            mistakes.add(f"{at}: no column has this type, as in public.email_address or text")
        for place in matched:
            yield (place, type_.path), _Configured(choice, at)


def _holds_json(catalog: Catalog, column: Column) -> bool:
    return plain_type(catalog, column).name in JSON_TYPES


def _maskable(catalog: Catalog) -> Iterator[tuple[Table, Column]]:
    """Yield the columns of tables that can be exported, but for computed ones."""
    for table in catalog.tables.values():
        if table.kind.holds_rows and not table.is_partition and table.extension is None:
            yield from ((table, column) for column in table.columns if column.writable)


def _groups(
    joined: Mapping[Place, list[Place]], chosen: Mapping[Place, _Configured], mistakes: Mistakes
) -> Iterator[tuple[list[Place], MaskChoice]]:
    """Yield the columns that get one mask, and what it is."""
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
