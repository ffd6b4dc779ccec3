"""Decides which columns are masked, and how, from the settings and the foreign keys.

A column takes along every column that references it or that it references, over any number of
foreign keys: all of them get the same mask, or none could be joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from replant.errors import ConfigurationError
from replant.model import Catalog, Column, RelationName, Settings, Table, Transform, readable
from replant.model.column_patterns import matches_column
from replant.model.names import did_you_mean
from replant_plugins.transforms.make_masks import make_mask, plain_type
from replant_plugins.transforms.mask_choice import MaskChoice, spreads
from replant_plugins.transforms.mask_kinds import KEEP
from replant_plugins.transforms.mask_settings import PATH, MaskSettings, mask_settings

Place = tuple[RelationName, str]


@frozen
class _Configured:
    """A kind of mask for a column, and the path in the configuration that says so."""

    choice: MaskChoice
    path: str


def masks_of(catalog: Catalog, settings: Settings) -> Iterator[tuple[Place, Transform]]:
    """Yield the masked columns, with the mask of each.

    Raises:
        ConfigurationError: it names every mistake in the settings and every column that cannot be
            masked as they say, with the reason.

    """
    asked = mask_settings(settings)
    problems: list[str] = []
    chosen = _chosen(catalog, settings, asked, problems)
    made: list[tuple[Place, Transform]] = []
    for places, choice in _groups(catalog, chosen, problems):
        members = [(catalog.tables[table], _column(catalog, table, name)) for table, name in places]
        try:
            made += zip(places, make_mask(catalog, members, choice, asked), strict=True)
        except ConfigurationError as error:
            problems += str(error).splitlines()
    if problems:
        raise ConfigurationError("\n".join(dict.fromkeys(problems)))
    yield from made


def _column(catalog: Catalog, table: RelationName, name: str) -> Column:
    column = catalog.tables[table].column(name)
    assert column is not None
    return column


def _chosen(
    catalog: Catalog, settings: Settings, asked: MaskSettings, problems: list[str]
) -> dict[Place, _Configured]:
    """Return what is configured for each column: for the table, by pattern, or by type."""
    by_type = dict(_by_type(catalog, asked, problems))
    by_pattern = dict(_by_pattern(catalog, asked, problems))
    by_table = dict(_by_table(catalog, settings, problems))
    return {**by_type, **by_pattern, **by_table}


def _by_table(
    catalog: Catalog, settings: Settings, problems: list[str]
) -> Iterator[tuple[Place, _Configured]]:
    for number, change in enumerate(settings.tables):
        table = catalog.tables.get(change.name)
        for name, text in change.mask.items():
            path = f"tables[{number}].mask.{name}"
            if table is None or table.column(name) is None:
                present = [column.name for column in table.columns] if table else []
                meant = did_you_mean(name, present)
                problems.append(f"{path}: {change.name} has no column {name!r}{meant}")
                continue
            choice = _choice(text, path, problems)
            if choice is not None:
                yield (change.name, name), _Configured(choice, path)


def _by_pattern(
    catalog: Catalog, asked: MaskSettings, problems: list[str]
) -> Iterator[tuple[Place, _Configured]]:
    found: dict[Place, _Configured] = {}
    for pattern, text in asked.columns.items():
        path = f'{PATH}.columns."{pattern}"'
        choice = _choice(text, path, problems)
        matched = [
            (table.name, column.name)
            for table, column in _maskable(catalog)
            if matches_column(pattern, table.name, column.name)
        ]
        if not matched:
            problems.append(f"{path}: matches no column; a pattern is of schema.table.column")
        for place in matched if choice else ():
            assert choice is not None
            other = found.setdefault(place, _Configured(choice, path))
            if other.choice != choice:
                problems.append(
                    f"{path}: {_written(place)} is masked otherwise by {other.path}; say its kind "
                    f"under [[tables]] mask"
                )
    yield from found.items()


def _by_type(
    catalog: Catalog, asked: MaskSettings, problems: list[str]
) -> Iterator[tuple[Place, _Configured]]:
    for type_, text in asked.types.items():
        path = f'{PATH}.types."{type_}"'
        choice = _choice(text, path, problems)
        matched = [
            (table.name, column.name)
            for table, column in _maskable(catalog)
            if type_ in (column.type, plain_type(catalog, column).name)
        ]
        if not matched:
            problems.append(f"{path}: no column has this type, as in public.email_address or text")
        for place in matched if choice else ():
            assert choice is not None
            yield place, _Configured(choice, path)


def _maskable(catalog: Catalog) -> Iterator[tuple[Table, Column]]:
    """Yield the columns of tables that can be exported, but for computed ones."""
    for table in catalog.tables.values():
        if table.kind.holds_rows and not table.is_partition and table.extension is None:
            yield from ((table, column) for column in table.columns if column.writable)


def _choice(text: str, path: str, problems: list[str]) -> MaskChoice | None:
    try:
        return MaskChoice.parse(text)
    except ValueError as error:
        problems.append(f"{path}: {error}")
        return None


def _groups(
    catalog: Catalog, chosen: Mapping[Place, _Configured], problems: list[str]
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
        problems += (
            f"{other.path}: {_written(member)} holds the same keys as {_written(place)}, which "
            f"is masked by {configured.path}; give both the same kind"
            for member in group
            if (other := chosen.get(member)) and other.choice != configured.choice
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
