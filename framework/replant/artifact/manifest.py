"""What an artifact says of itself: enough to replay it, to verify it, and to know what it lacks.

It is JSON, written with one table per line. It is never trusted: a replay composes its own SQL
and refuses what does not fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen
from cattrs import Converter
from cattrs.strategies import configure_tagged_union

from replant import __version__
from replant.errors import ArtifactError
from replant.model import (
    ChosenRows,
    ColumnIs,
    KeyIsNot,
    LinkedTo,
    LoadOrder,
    Omission,
    Plan,
    PlannedColumn,
    PlannedTable,
    RelationName,
    Satisfies,
    Selection,
)
from replant.model.load_order import Statement, Step
from replant.model.rows import Condition

#: The version of the manifest; a reader refuses any other.
FORMAT = 1


@frozen
class ExportedColumn:
    """A column of the artifact, its type as the source's `format_type` wrote it."""

    name: str
    type: str


@frozen
class ExportedTable:
    """A table of the artifact.

    Attributes:
        columns: in the order in which a row's line holds them.
        key: the columns that identify a row, or none.
        rows: which rows of the source these are; None when the target cannot be asked for the
            same rows, since SQL or a transform of a chosen column was involved.
        only: whether inheritance children were kept out.
        overriding: whether INSERT must say OVERRIDING SYSTEM VALUE.
        row_count: how many rows.
        fingerprint: the sum of the rows' hashes modulo 2**64, as 16 hexadecimal digits.

    """

    name: RelationName
    columns: tuple[ExportedColumn, ...]
    key: tuple[str, ...]
    rows: tuple[Condition, ...] | None
    only: bool
    overriding: bool
    row_count: int
    fingerprint: str

    @property
    def planned(self) -> PlannedTable:
        """The table as statements and queries are composed from it."""
        return PlannedTable(
            name=self.name,
            columns=tuple(PlannedColumn(column.name, column.type) for column in self.columns),
            key=self.key,
            rows=ChosenRows(self.rows or (), self.only),
            row_count=self.row_count,
            overriding=self.overriding,
        )


@frozen
class Manifest:
    """The whole of what an artifact says of itself."""

    format: int
    replant: str
    postgresql: str
    plugins: Mapping[str, str]
    scope: Mapping[str, str]
    strategy: str
    order: LoadOrder
    omissions: tuple[Omission, ...]
    tables: tuple[ExportedTable, ...]

    @property
    def planned(self) -> dict[RelationName, PlannedTable]:
        """The tables by name, as statements and queries are composed from them."""
        return {table.name: table.planned for table in self.tables}

    @property
    def selection(self) -> Selection:
        """The rows that the target should hold."""
        return {name: table.rows for name, table in self.planned.items()}

    @property
    def row_count(self) -> int:
        """How many rows all tables have together."""
        return sum(table.row_count for table in self.tables)


def manifest_of(plan: Plan, fingerprints: Mapping[RelationName, int]) -> Manifest:
    """The manifest of a plan that was carried out."""
    askable = _askable(plan)
    return Manifest(
        format=FORMAT,
        replant=__version__,
        postgresql=plan.source_version,
        plugins=plan.plugins,
        scope=plan.scope,
        strategy=plan.strategy,
        order=plan.order,
        omissions=plan.omissions,
        tables=tuple(
            ExportedTable(
                name=table.name,
                columns=tuple(ExportedColumn(c.name, c.type) for c in table.columns),
                key=table.key,
                rows=_conditions(table) if table.name in askable else None,
                only=table.rows.only,
                overriding=table.overriding,
                row_count=table.row_count,
                fingerprint=f"{fingerprints.get(table.name, 0) % 2**64:016x}",
            )
            for table in plan.tables
        ),
    )


def to_json(manifest: Manifest) -> str:
    """JSON in ASCII, one table per line; the same manifest gives the same text."""
    raw: dict[str, Any] = _CONVERTER.unstructure(manifest)
    tables = raw.pop("tables")
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in raw.items()]
    listed = ",\n".join(f"    {json.dumps(table)}" for table in tables)
    return "{\n" + ",\n".join(lines) + ',\n  "tables": [\n' + listed + "\n  ]\n}"


def from_json(text: str, origin: str) -> Manifest:
    """Read a manifest; `origin` names the artifact in errors.

    Raises:
        ArtifactError: it is no manifest, or one of a version that this replant does not know.

    """
    try:
        raw = json.loads(text)
        if raw["format"] == FORMAT:
            return _CONVERTER.structure(raw, Manifest)
    except Exception as error:
        raise ArtifactError(
            f"{origin}: its manifest cannot be read ({type(error).__name__}); export it again"
        ) from error
    raise ArtifactError(
        f"{origin}: its manifest has format {raw['format']}, "
        f"and replant {__version__} reads format {FORMAT}; use the replant that wrote it"
    )


def _askable(plan: Plan) -> frozenset[RelationName]:
    """The tables whose rows the target can be asked for by conditions alone."""
    blocked = {
        table.name
        for table in plan.tables
        if any(isinstance(condition, Satisfies) for condition in table.rows.conditions)
        or _transformed(table) & _condition_columns(plan, table.name)
    }
    while True:
        more = {
            table.name
            for table in plan.tables
            if table.name not in blocked
            and any(
                link.other in blocked
                for condition in table.rows.conditions
                if isinstance(condition, LinkedTo)
                for link in condition.links
            )
        }
        if not more:
            return frozenset(table.name for table in plan.tables) - blocked
        blocked |= more


def _transformed(table: PlannedTable) -> set[str]:
    return {column.name for column in table.columns if column.transforms}


def _condition_columns(plan: Plan, name: RelationName) -> set[str]:
    """The columns of a table by which conditions, its own or other tables', choose rows."""
    found: set[str] = set()
    for table in plan.tables:
        for condition in table.rows.conditions:
            if isinstance(condition, ColumnIs) and table.name == name:
                found.add(condition.column)
            if isinstance(condition, LinkedTo):
                for link in condition.links:
                    found.update(link.columns if table.name == name else ())
                    found.update(link.other_columns if link.other == name else ())
    return found


def _conditions(table: PlannedTable) -> tuple[Condition, ...]:
    """The conditions for the target, where rows that were left out are not there to be found."""
    return tuple(c for c in table.rows.conditions if not isinstance(c, KeyIsNot))


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook(RelationName, lambda name: [name.schema, name.name])
    converter.register_structure_hook(RelationName, lambda pair, _: RelationName(*map(str, pair)))
    converter.register_unstructure_hook(ExportedColumn, lambda c: [c.name, c.type])
    converter.register_structure_hook(
        ExportedColumn, lambda pair, _: ExportedColumn(*map(str, pair))
    )
    for union in (Step, Statement, Condition):
        configure_tagged_union(union, converter, tag_name="is")
    return converter


_CONVERTER = _converter()
